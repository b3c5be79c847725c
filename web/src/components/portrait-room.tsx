import type { JSX } from 'preact'

/** Standing on the shelf at 0 0. */
const shapes = {
  tall: 'M-9 0V-46C-9 -56 -4 -58 -4 -66V-82H4V-66C4 -58 9 -56 9 -46V0Z',
  round: 'M-15 0V-26C-15 -42 -5 -42 -4 -50V-62H4V-50C5 -42 15 -42 15 -26V0Z',
  square: 'M-12 0V-42C-12 -48 -5 -48 -5 -54V-64H5V-54C5 -48 12 -48 12 -42V0Z',
  decanter: 'M-17 0V-8C-17 -32 -5 -34 -4 -46V-58H4V-46C5 -34 17 -32 17 -8V0Z',
  slim: 'M-7 0V-54C-7 -62 -3 -64 -3 -72V-90H3V-72C3 -64 7 -62 7 -54V0Z',
}

type Placed = readonly [x: number, y: number, shape: keyof typeof shapes, glass: string]

/** None stands behind her head, where it would look like a hat. */
const bottles: readonly Placed[] = [
  [134, 126, 'round', 'ruby'],
  [163, 126, 'tall', 'green'],
  [188, 126, 'square', 'clear'],
  [296, 126, 'decanter', 'amber'],
  [324, 126, 'tall', 'clear'],
  [350, 126, 'square', 'green'],
  [84, 248, 'slim', 'clear'],
  [107, 248, 'round', 'amber'],
  [136, 248, 'tall', 'ruby'],
  [338, 248, 'slim', 'green'],
  [361, 248, 'square', 'amber'],
  [391, 248, 'decanter', 'clear'],
  [82, 370, 'tall', 'green'],
  [108, 370, 'decanter', 'clear'],
  [372, 370, 'round', 'ruby'],
  [399, 370, 'slim', 'amber'],
]

const lamps = [112, 368]

/** Where the wall has its grooves, also beside and above what a narrow column shows. */
const panels = [-600, -492, -384, -276, -168, -72, 24, 436, 532, 628, 736, 844, 952, 1060]

/** The wall and the lit niche with its bottles. */
export function Backbar(): JSX.Element {
  return (
    <>
      <defs>
        <radialGradient id="niche-glow" cx=".5" cy=".42" r=".62">
          <stop class="glow-near" offset="0" />
          <stop class="glow-middle" offset=".5" />
          <stop class="glow-far" offset="1" />
        </radialGradient>
        <radialGradient id="lamp-glow">
          <stop class="lamp-near" offset="0" />
          <stop class="lamp-far" offset="1" />
        </radialGradient>
        <linearGradient id="counter-top" x2="0" y2="1">
          <stop class="wood-light" offset="0" />
          <stop class="wood-deep" offset="1" />
        </linearGradient>
        <clipPath id="niche">
          <path d="M62 556V192A178 178 0 0 1 418 192V556Z" />
        </clipPath>
      </defs>
      <path class="wall" d="M-1200 -1200H1680V556H-1200Z" />
      {panels.map((x) => (
        <path key={x} class="panels" d={`M${x} -1200V550M${x + 20} -1200V550`} />
      ))}
      <path class="arch" d="M54 556V192A186 186 0 0 1 426 192V556" />
      <g clip-path="url(#niche)">
        <path fill="url(#niche-glow)" d="M62 0H418V556H62Z" />
        {[126, 248, 370].map((y) => (
          <Shelf key={y} y={y} />
        ))}
        {bottles.map(([x, y, shape, glass]) => (
          <g key={`${x} ${y}`} transform={`translate(${x} ${y})`}>
            <path class={`bottle ${glass}`} d={shapes[shape]} />
            <path
              class="bottle-label"
              d={shape === 'slim' ? 'M-6.4 -14V-34H6.4V-14Z' : 'M-8.4 -10V-26H8.4V-10Z'}
            />
            <path class="bottle-shine" d="M-4.6 -6V-38" />
          </g>
        ))}
      </g>
    </>
  )
}

function Shelf({ y }: { readonly y: number }): JSX.Element {
  return (
    <>
      <path class="shelf-glow" d={`M62 ${y + 6}H418V${y + 24}H62Z`} />
      <path class="shelf" d={`M62 ${y}H418V${y + 7}H62Z`} />
      <path class="shelf-edge" d={`M62 ${y + 1}H418`} />
    </>
  )
}

/** What hangs before her, and the warmth that falls from it. */
export function Light(): JSX.Element {
  return (
    <>
      {lamps.map((x) => (
        <g key={x} transform={`translate(${x} 0)`}>
          <circle class="lamp-glow" fill="url(#lamp-glow)" cy="58" r="120" />
          <path class="cord" d="M0 -1200V26" />
          <path class="bulb" d="M-11 50A11 9 0 0 0 11 50Z" />
          <path class="shade" d="M-5 24H5C7 34 24 38 27 51H-27C-24 38 -7 34 -5 24Z" />
          <path class="shade-shine" d="M-5 30C-9 37 -18 40 -21 47" />
        </g>
      ))}
    </>
  )
}

/** The counter, without what stands on it. */
export function Counter(): JSX.Element {
  return (
    <>
      <path fill="url(#counter-top)" d="M-1200 500H1680V552H-1200Z" />
      <path class="counter-shine" d="M-1200 501.5H1680" />
      <path class="counter-gloss" d="M30 512H96L62 546H-4ZM396 512H420L386 546H362Z" />
      <path class="rail" d="M-1200 550H1680V558H-1200Z" />
      <path class="rail-shine" d="M-1200 552H1680" />
    </>
  )
}

/** Nearer than her arms. */
export function OnCounter(): JSX.Element {
  return (
    <>
      <Drink />
      <Candle />
    </>
  )
}

function Drink(): JSX.Element {
  return (
    <g transform="translate(352 543)">
      <ellipse class="cast" rx="36" ry="6" cy="1" />
      <ellipse class="coaster" rx="29" ry="5" />
      <path
        class="glass"
        d="M-17 -1C-17 -4 -3 -4 -2 -8V-44C-22 -46 -36 -60 -37 -82H37C36 -60 22 -46 2 -44V-8C3 -4 17 -4 17 -1C10 1.6 -10 1.6 -17 -1Z"
      />
      <path class="cocktail" d="M-34.4 -73H34.4C31 -58 19 -48.6 0 -48C-19 -48.6 -31 -58 -34.4 -73Z" />
      <ellipse class="cocktail-top" cy="-73" rx="34.4" ry="4.4" />
      <circle class="lime" cx="31" cy="-84" r="11" />
      <path class="lime-flesh" d="M31 -92.4A8.4 8.4 0 1 1 30.9 -92.4Z" />
      <path class="lime-rays" d="M31 -92V-76M23 -88L39 -80M23 -80L39 -88" />
      <path class="glass-edge" d="M-37 -82C-36 -60 -22 -46 -2 -44V-8" />
      <path class="glass-shine" d="M-28 -70C-26 -62 -21 -57 -15 -54" />
    </g>
  )
}

function Candle(): JSX.Element {
  return (
    <g transform="translate(112 543)">
      <circle class="candle-glow" fill="url(#lamp-glow)" cy="-26" r="50" />
      <ellipse class="cast" rx="26" ry="5" />
      <path class="tumbler" d="M-17 -36H17L14 -1C8 1.4 -8 1.4 -14 -1Z" />
      <path class="wax" d="M-14.6 -19H14.6L13 -2C8 0 -8 0 -13 -2Z" />
      <path class="flame" d="M0 -36C6 -28 6 -20 0 -19C-6 -20 -6 -28 0 -36Z" />
      <path class="flame-heart" d="M0 -28C3 -24 3 -20.4 0 -20C-3 -20.4 -3 -24 0 -28Z" />
      <path class="glass-shine" d="M-12 -31L-10.4 -8" />
    </g>
  )
}
