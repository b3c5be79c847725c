import { foldText } from './fold-text.ts'

/** What a text may try. None of them is refused: what they ask for is impossible anyway, and a guest may mean no harm. */
export const injectionMarks = [
  'override-instructions',
  'role-play-system',
  'reveal-prompt',
  'fake-data-block',
  'tool-command',
  'claimed-authority',
  'claimed-payment',
  'other-session',
  'encoded-payload',
] as const

export type InjectionMark = (typeof injectionMarks)[number]

/** Groups of words that follow one another, with up to `gapMax` other words between two of them. */
interface WordRule {
  readonly mark: InjectionMark
  readonly groups: readonly ReadonlySet<string>[]
}

const gapMax = 3

const overrides = words(
  'ignore disregard forget override bypass discard neglect skip ignora ignorez ignoriere ignoriert vergiss vergesst ' +
    'olvida oublie oubliez esquece dimentica negeer ignoruj игнорируй забудь проигнорируй',
)
const earlier = words(
  'previous prior above earlier preceding all any every your system original initial those these foregoing existing ' +
    'anteriores previas todas precedentes precedente toutes vorherigen vorigen alle bisherigen precedenti tutte ' +
    'vorige eerdere poprzednie wszystkie предыдущие все прежние',
)
const instructions = words(
  'instruction instructions rule rules prompt prompts guideline guidelines directive directives programming ' +
    'constraints restrictions policies training safeguards instrucciones reglas consignes regles instrucoes regras ' +
    'anweisungen regeln istruzioni regole instructies instrukcje zasady инструкции правила указания',
)
const wordRules: readonly WordRule[] = [
  rule('override-instructions', overrides, earlier, instructions),
  rule('override-instructions', overrides, instructions, words('above before earlier anteriores previas')),
  rule('override-instructions', words('new updated revised'), words('system'), instructions),
  rule('override-instructions', words('your'), words('new updated real true'), instructions),
  rule(
    'role-play-system',
    words('you your act pretend roleplay behave become switch enter enable activate simulate'),
    words('jailbroken jailbreak unrestricted unfiltered uncensored unaligned'),
  ),
  rule('role-play-system', words('act pretend roleplay behave become'), words('dan')),
  rule('role-play-system', words('you'), words('are re'), words('now'), words('dan')),
  rule('role-play-system', words('developer debug god admin sudo root maintenance jailbreak'), words('mode')),
  rule(
    'role-play-system',
    words('you ai model answer respond act'),
    words('without no'),
    words('restrictions filters guidelines limitations censorship'),
  ),
  rule('role-play-system', words('do'), words('anything'), words('now')),
  rule(
    'role-play-system',
    words('act pretend roleplay behave respond simulate'),
    words('as like are re be'),
    words('system admin administrator root developer terminal linux database model ai assistant'),
  ),
  rule('role-play-system', words('no'), words('longer'), words('bound assistant bartender maya')),
  rule(
    'reveal-prompt',
    words(
      'reveal show print repeat tell output display leak dump translate summarize recite give write paste',
    ),
    words('system your initial original hidden secret full developer internal above'),
    words('prompt prompts instruction instructions directives configuration'),
  ),
  rule(
    'reveal-prompt',
    words('what whats'),
    words('system initial hidden secret'),
    words('prompt instructions'),
  ),
  rule('reveal-prompt', words('repeat print output recite'), words('text words everything'), words('above')),
  rule('reveal-prompt', words('api master access private'), words('key keys token tokens')),
  rule('reveal-prompt', words('environment env'), words('variable variables')),
  rule('tool-command', words('call invoke execute run use trigger'), words('tool tools functions api')),
  rule(
    'claimed-authority',
    words('im i am as this is'),
    words('your the system'),
    words('admin administrator sysadmin superuser root'),
  ),
  rule('claimed-authority', words('manager admin administrator owner system developer'), words('override')),
  rule(
    'claimed-payment',
    words('payment transaction bill tab total'),
    words('is was been already has'),
    words('confirmed approved authorized authorised waived verified'),
  ),
  rule('claimed-payment', words('confirmation'), words('granted given bypassed unnecessary skipped')),
  rule(
    'other-session',
    words('other another different others someone somebody everyone'),
    words('guest guests session sessions customer customers user users else'),
    words('tab tabs bill bills session sessions history data balance account accounts conversation key keys'),
  ),
  rule('other-session', words('session'), words('id ids token tokens'), words('of other another all')),
  rule('encoded-payload', words('decode decrypt unscramble'), words('base64 rot13 hex binary morse')),
  rule('encoded-payload', words('base64 rot13 hex'), words('decode decoded follow execute instructions')),
]

/** Phrases for scripts without spaces, and for words that are spaced or cut apart. */
const phrases: readonly (readonly [InjectionMark, readonly string[]])[] = [
  [
    'override-instructions',
    folded(
      'ignoreallprevious ignoreprevious ignoretheprevious ignoreyourprevious ignoretheabove disregardallprevious ' +
        'disregardprevious disregardtheprevious disregardtheabove forgetallprevious forgetprevious ' +
        '忽略之前 忽略以上 忽略所有 忽略先前 无视之前 以前の指示 これまでの指示 上記の指示 指示を無視 이전지시 지시를무시 ' +
        'تجاهلجميع تجاهلالتعليمات تجاهلكلالتعليمات पिछलेनिर्देश',
    ),
  ],
  ['reveal-prompt', folded('systemprompt 系统提示 系統提示 システムプロンプト 시스템프롬프트')],
  ['role-play-system', folded('developermode doanythingnow 开发者模式 越狱')],
]

/**
 * What is found in the text as it is written. Every repetition has a bound, so that no text takes long; the flag `i`
 * is all that is folded here.
 */
export const signs: readonly (readonly [InjectionMark, RegExp])[] = [
  [
    'fake-data-block',
    /[<[{]{1,3}[|/\s]{0,3}(?:guest_message|server_note|bar_state|earlier_conversation|system|assistant|inst|sys|im_start|im_end|tool|tool_result|function|instructions|prompt|endoftext)\b/i,
  ],
  [
    'fake-data-block',
    /(?:^|\n)[ \t#>*"'`]{0,8}(?:system|assistant|developer|tool|function)(?: (?:message|prompt|note|result|output|override))?[*"' ]{0,3}:/i,
  ],
  ['fake-data-block', /"role"\s{0,4}:\s{0,4}"(?:system|assistant|tool|developer|function|model)"/i],
  [
    'fake-data-block',
    /(?:begin|end|start)(?: of)?(?: the)? (?:system|developer|admin)(?: \w{1,12})? (?:message|prompt|note|instructions)/i,
  ],
  [
    'tool-command',
    /\b(?:pay_bill|add_to_order|remove_from_order|clear_order|set_tip|get_(?:order|bill|menu|balance|tip|recommendation)|tool_call|function_call|tool_use)\b/i,
  ],
  ['tool-command', /<script\b|javascript:|\bonerror\s{0,3}=|\$\{[^}\n]{1,80}\}|\{\{[^}\n]{1,80}\}\}/i],
  ['tool-command', /!\[[^\]\n]{0,80}\]\(http/i],
  ['tool-command', /\bdrop\s{1,4}table\b|\bunion\s{1,4}(?:all\s{1,4})?select\b|\brm\s{1,3}-rf\b/i],
  [
    'tool-command',
    /['"]\s{0,3}(?:;\s{0,3}(?:drop|delete|insert|update|select|--)|or\s{1,3}['"]?1['"]?\s{0,3}=)/i,
  ],
  ['encoded-payload', /[A-Za-z0-9+/]{40}|(?:[0-9a-f]{2}[ :,]?){24}|(?:[01]{8}[ ,]?){4}/i],
  [
    'encoded-payload',
    /(?:\\u[0-9a-f]{4}){3}|(?:%[0-9a-f]{2}){4}|(?:&#x?[0-9a-f]{2,5};){3}|(?:\\x[0-9a-f]{2}){4}/i,
  ],
  ['encoded-payload', /(?:[.\-–—]{1,6}[ /]{1,3}){12}/],
]

/** What a text may try, each once, in the order of `injectionMarks`. Takes time in proportion to the text. */
export function marksOf(text: string): readonly InjectionMark[] {
  const { words: said, letters } = foldText(text)
  const plain = text.normalize('NFKC')
  const found = new Set([
    ...marksOfWords(said),
    ...phrases.flatMap(([mark, all]) => (all.some((phrase) => letters.includes(phrase)) ? [mark] : [])),
    ...signs.flatMap(([mark, sign]) => (sign.test(plain) ? [mark] : [])),
  ])
  return injectionMarks.filter((mark) => found.has(mark))
}

/** Which groups of which rules a word belongs to, the later ones of a rule first. */
const places = placesOf(wordRules)

/** One pass over the words: for each rule, where its first groups were met last. */
function marksOfWords(said: readonly string[]): readonly InjectionMark[] {
  const met = wordRules.map(({ groups }) => groups.map(() => -Infinity))
  const found: InjectionMark[] = []
  said.forEach((word, at) => {
    for (const { index, group } of places.get(word) ?? []) {
      const reached = met[index]
      const before = group === 0 ? at : (reached?.[group - 1] ?? -Infinity)
      if (reached === undefined || at - before > gapMax + 1) continue
      reached[group] = at
      const known = wordRules[index]
      if (known !== undefined && group === known.groups.length - 1) found.push(known.mark)
    }
  })
  return found
}

function placesOf(rules: readonly WordRule[]) {
  const all = rules.flatMap(({ groups }, index) =>
    groups.flatMap((group, order) => [...group].map((word) => ({ word, index, group: order }))),
  )
  // A word of two neighbouring groups must not count for both at once: the later group looks first.
  const ordered = all.toSorted((one, other) => other.group - one.group)
  return Map.groupBy(ordered, ({ word }) => word)
}

function rule(mark: InjectionMark, ...groups: readonly ReadonlySet<string>[]): WordRule {
  return { mark, groups }
}

/** Words as they will be met: folded like a guest's. */
function words(list: string): ReadonlySet<string> {
  return new Set(foldText(list).words)
}

function folded(list: string): readonly string[] {
  return list.split(' ').map((phrase) => foldText(phrase).letters)
}
