/**
 * Ordinary English words that are one slip away from a word that matters here: a bear is not a beer, and later is not
 * water. Made from a list of the 20,000 most frequent words; those that are no word at all but a slip were left out.
 */
const list = `
  able aced actual again aid alas alike along alt am an annually ant anthem around as at auch aust bad
  bake balanced balances ball bands bar bard batter battle be bean bear bears beat bee beef been beep
  beers beery bees beet beets begin beginnings being bell bene best bet better bike bild bill bills billy
  bin bins biol bit bitten blanca blanco blew bling boing border bore boring bother bottles bound bout box
  brady branches brand branded brandied branding brandon brands bred brewer brings brow brows bull bust
  butter buy by bye cab cad came cancer cant cap car carb cards care cared carl carp carr cars cart cary
  cash cast cat cater cave cello cent cest chance chancy changed changer changes charged charger charges
  chassis chat checks cheek chick chose chow chuck class classes classical classics classify classy clean
  clears clone closed closer closes closet coast coat cocks coda colt cord core cos costa costs cosy cot
  coupe coupled couples crew crews dad dairy dame dave dean deer demon den des diary dies dime dine ding
  dip dirt dirts dive diver divert do docs doe dos dose doses dots doubled doubles dozens drank dray drew
  drier driest drily drum drums drunk dryly dues dust dyes eas ease eat eater ecard eighth elle ether even
  ever fake fame father fave favorites favourites feat fever fib fife fifty fight file fill fine fins fir
  fire fit fiver fix flour for fore forge forged forgot forty foul found fox friday fun fund fur gain
  gains game gave ghost gig gigs gill gina ginger gis given gives glasses gloss go goes gong gore got
  gould grape grass gravity grew grin ground gum gun guns gut guy hale halt hank hare hat hate hater haven
  haze he heat heck height hell hen here hey hi hike hill hint hip his hiya ho honey hose host hot hound
  hour icer ices if ill in inland ins int intend ionic ipad is islander islanders it ive jake jean jet
  jill jive kill laid lake lame lang later laying lean lease leaves lemon lent leon lest let lever lie
  life lift liked likes lima limb lime limo limp line ling lip litter live lives locks loft log lone lore
  lost luke lung lust lyme made mae mage maid maker makes male man mare margin margins marin marina marine
  marines marino marking markings marlin martial martin martinet martinez marvin mate mater mating max
  mayo mayor maze me meal means meant meat megan melon men mens menus mere mid might mike mill mime mine
  mink mins mit mode moe mole monday monkey monty moore morse most mother mound move mud must my name neal
  near negro nerve nest net neurons newer next nice nie night nike nile nina nip nite no none noting oak
  of off offered older oliver on or orders ore other others otter our oven owl pad paging pain paint pair
  pant parent pas paving pay pays peas peat peer peers pen perfect pet phat pike pill pin pine pines ping
  pink pins pints pit pitt plaid play playing pleased point pong poor post posy pound praying present
  prevent priced prices pride prime prince print prize punt racks raid rake ram rams ran randy rant rater
  rave recommendations recommended recommends relate remote removed remover removes replaced replaces
  replay replica rice right rim rims ring rip rocky roms room rounds rub rug rugs ruin run runs rus russ
  rust rut sad safe sage said sal sale salts salty sam sane sap sat save say saying scratches sea sean
  seas seat seen served server serves set sever shake shaker shakes shaky shalt shame shark shave shaw she
  shed sheet ship shit shoe shoot shop short shots shout show shown shows shut sight sins sip sir site
  sith six sixty size slap slot slow smart snake snap snatch snow so soap soar socks sod soda sofa sofas
  soft soma song sonic soothing sore soul sound sourly sours spa spas spot spur stake stare stared stark
  starr stars started starts stat steven stirrer stirring stirrup stitch stored stow strait stretch string
  stringent striped stronger stuart such suggested suggesting suggestions suggests sums sunday surprised
  surprises sven swamp swan sweat sweaty sweep sweets swept table taken takes tale tan tank tanks tap tape
  tas tate teak teal team teams tear tears tease teat tee teen tees ten tens tent texas thai than thee
  them theme then theses thin thing things think thinks threw thus thy tight till time tin tips tive to
  toes ton toni tonics tonights too topic totals tour toxic tree trip twisted twister twists up us vine
  wader wafer wager wait waiter wake wall walt walter walters wand wants ward waster watered watery watt
  wave waver we weave weight well went were whisked whisker whiskers whisper whitney whore whose why width
  wien wight wild wills willy win wink wins wish wit witch woes won wong wont wore world wound yard yen
  yes yet yoda you young your yours zip
`

export const ordinaryWords: ReadonlySet<string> = new Set(list.split(/\s+/).filter((word) => word.length > 0))
