import type { Topic } from './acts.ts'

type Choices = readonly [string, ...string[]]

/** What Maya says to what needs no tool. */
export const topicTexts: Readonly<Record<Topic, Choices>> = {
  greeting: [
    'Hello and welcome! What can I get you?',
    'Hi there, good to see you. What are you drinking?',
    'Welcome in! I am Maya. What would you like?',
  ],
  wellbeing: [
    'Doing well, thank you: the ice is cold and the company is good. What can I get you?',
    'All good behind the bar, thanks for asking. What are you in the mood for?',
  ],
  thanks: ['You are very welcome.', 'My pleasure!', 'Any time. Just wave if you need something.'],
  goodbye: ['Good night, and come back soon!', 'Take care, it was lovely having you.', 'See you next time!'],
  name: [
    'I am Maya, your bartender tonight. What can I get you?',
    'Maya, at your service. I pour the drinks and keep your tab.',
  ],
  robot: ['I am Maya, the house bartender: not a person, but I do know my drinks. What can I get you?'],
  joke: [
    'A neutron walks into a bar and asks for the price of a beer. "For you," says the bartender, "no charge."',
    'I would tell you the one about the empty glass, but there is nothing in it. Shall we fill yours?',
  ],
  help: [
    'Tell me what you would like to drink and I put it on your tab. I can also show the menu, recommend something, set a tip of 10, 15 or 20 per cent, and bring the bill.',
  ],
  compliment: ['You are kind, thank you!', 'That is lovely to hear.', 'Glad you like it!'],
  sorry: ['No harm done. What can I do for you?', 'No worries at all. What can I get you?'],
  hours: ['We are open as long as you are sitting here. What can I get you?'],
  place: [
    'I only have the counter and the bottles in my hands, so I cannot help with that. A drink, perhaps?',
  ],
  weather: [
    'Sounds like a good reason for a drink. What would you like?',
    'Then sit down and take your time. What can I get you?',
  ],
  'never-mind': [
    'No problem at all. I am here if you want anything.',
    'All right, nothing done. Just tell me when you want something.',
  ],
  'which-off': ['Nothing is taken off yet. Which drinks exactly shall I take off?'],
  'not-yet': ['Of course, nothing is charged. Your tab stays open.'],
  negated: [
    'All right, I leave that out. Nothing has changed on your tab.',
    'Understood, I am not adding that.',
  ],
  past: [
    'Sounds like a story. If you want something now, just say so.',
    'Good to know! Tell me when I should pour you something.',
  ],
  later: ['Just tell me when the time has come, and I pour it.', 'Whenever you are ready, say the word.'],
  hypothetical: [
    'Only if you say so: I have not added anything.',
    'Nothing is poured until you order it. Would you like to?',
  ],
  'paying-later': [
    'No rush: your tab stays open until you ask for the bill. Nothing is charged before you say yes.',
  ],
  'paid-already': [
    'I only see what is on your tab. Ask me for it and I read it to you; nothing is charged without your yes.',
  ],
  splitting: ['I can only charge one whole bill, I am afraid. Just ask for it when you are ready.'],
  'no-cash': ['No worries. Ask me for your balance and I tell you what is left.'],
  free: ['The prices are what the menu says, I am afraid. May I get you something anyway?'],
  'tip-question': [
    'A tip is entirely up to you: 10, 15 or 20 per cent are possible, or an amount you name. I have not set anything.',
  ],
  'vague-tip': ['That is kind of you! Which tip shall it be: 10, 15 or 20 per cent?'],
  instructions: [
    'I am only the bartender, so I stick to drinks and your tab. Nothing has changed. What can I get you?',
  ],
  'that-is-all': [
    'All right. Just say so when you want the bill.',
    'Good. I am here if you need anything else.',
  ],
  double: ['I pour singles. How many would you like?'],
  each: ['How many is that in all?'],
  'the-usual': ['Remind me, what is your usual?'],
  'tab-open': ['Your tab is open, everything you order goes on it. What can I get you?'],
  noted: ['I hear you. Is there anything I can get you?', 'Noted. What can I do for you?'],
  ready: ['Of course! What would you like?', 'I am all ears. What shall it be?'],
  'ways-to-pay': ['Everything is charged to your balance here. Just ask for the bill when you are ready.'],
  'clear-tab': ['Shall I take everything off your order, or would you like to pay?'],
  'unknown-wish': [
    'I am afraid I cannot do that. I can get you any drink from the menu, though.',
    'That is not something I have behind the bar. Would you like to hear the menu?',
  ],
  unclear: [
    'I am not sure I followed. Would you like a drink, the menu or your bill?',
    'I did not quite catch that. What can I get you?',
  ],
}

/** Topics that are only politeness beside something else. */
export const politeTopics: ReadonlySet<Topic> = new Set<Topic>([
  'greeting',
  'wellbeing',
  'thanks',
  'compliment',
  'sorry',
  'weather',
  'unclear',
  'that-is-all',
  'past',
  'negated',
  'never-mind',
  'unknown-wish',
  'help',
  'hypothetical',
  'tab-open',
])
