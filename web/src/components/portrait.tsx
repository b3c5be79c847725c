import type { JSX } from 'preact'
import type { ReadonlySignal } from '@preact/signals'
import type { Mood } from '../state/page-state.ts'
import type { Mouth } from '../voice/mouth.ts'
import { Backbar, Counter, Light, OnCounter } from './portrait-room.tsx'

/**
 * Maya behind her bar. Mouth and mood are attributes that the style sheet reads, so that a mouth which
 * moves twenty times a second renders nothing again.
 */
export function Portrait(props: {
  readonly mouth: ReadonlySignal<Mouth>
  readonly mood: ReadonlySignal<Mood>
}): JSX.Element {
  return (
    <svg
      class="portrait"
      viewBox="0 0 480 580"
      preserveAspectRatio="xMidYMax meet"
      role="img"
      aria-label="Maya behind the bar"
      data-mouth={props.mouth}
      data-mood={props.mood}
    >
      <path class="counter-front" d="M-1200 552H1680V581H-1200Z" />
      <g class="scene">
        <Backbar />
        <g class="maya">
          <g class="head">
            <HairBehind />
          </g>
          <Body />
          <g class="head">
            <Face />
            <HairBefore />
          </g>
        </g>
        <Counter />
        <Arms />
        <OnCounter />
        <Light />
      </g>
    </svg>
  )
}

function HairBehind(): JSX.Element {
  return (
    <>
      <path
        class="hair"
        d="M240 112C196 110 166 142 166 190C166 226 158 244 152 272C144 306 150 344 172 362C186 352 196 340 206 322L274 322C284 346 296 366 316 376C338 356 340 312 330 276C322 248 314 230 314 190C314 142 284 110 240 112Z"
      />
      <path class="rim" d="M166 196C166 228 157 246 152 274C147 300 149 330 160 349" />
    </>
  )
}

function Body(): JSX.Element {
  return (
    <>
      <path class="skin-shade" d="M214 268V330L240 376L266 330V268Z" />
      <path class="skin" d="M214 316C224 327 238 326 252 318L260 332L239 374L214 330Z" />
      <path
        class="shirt"
        d="M214 316C198 330 166 334 143 346C120 358 112 396 104 440L88 484C110 500 130 500 142 492L150 530H330L338 492C350 500 370 500 392 484L376 440C368 396 360 358 337 346C314 334 282 330 266 316L240 372Z"
      />
      <path
        class="shirt-shade"
        d="M337 346C360 358 368 396 376 440L392 484C370 500 350 500 338 492L330 530H300L312 420C316 386 318 362 337 346Z"
      />
      <path
        class="shirt-fold"
        d="M150 400C148 430 146 460 142 492M331 404C333 432 335 462 338 492M120 420C122 440 120 456 114 470"
      />
      <path class="vest" d="M182 331C170 352 162 384 160 420L152 530H240V436Z" />
      <path class="vest-shade" d="M298 331C310 352 318 384 320 420L328 530H240V436Z" />
      <path class="vest-edge" d="M182 331L240 436L298 331M240 436V530" />
      <path class="collar" d="M214 314L203 337L228 366L240 372C228 352 220 334 214 314Z" />
      <path class="collar" d="M266 314L277 337L252 366L240 372C252 352 260 334 266 314Z" />
      <circle class="brass" cx="248" cy="462" r="3.4" />
      <circle class="brass" cx="248" cy="488" r="3.4" />
      <path
        class="brass"
        d="M276 404H300A3 3 0 0 1 303 407V411A3 3 0 0 1 300 414H276A3 3 0 0 1 273 411V407A3 3 0 0 1 276 404Z"
      />
      <path class="rim" d="M143 346C121 357 112 396 104 440L90 480" />
    </>
  )
}

/** They lie on the counter, so they are drawn after it. */
function Arms(): JSX.Element {
  return (
    <g class="arms">
      <path
        class="cast"
        d="M108 520C180 531 300 531 372 520C360 532 300 536 240 536C180 536 120 532 108 520Z"
      />
      <path
        class="skin"
        d="M384 474C394 500 380 518 352 521L252 526C238 526 236 506 250 503L330 490C338 486 342 480 344 470Z"
      />
      <path class="skin-shade" d="M384 474C394 500 380 518 352 521L300 524C340 512 366 500 374 478Z" />
      <path
        class="skin"
        d="M96 474C86 500 100 518 128 521L230 526C246 526 250 507 234 503L150 490C142 486 138 480 136 470Z"
      />
      <path
        class="hand"
        d="M214 501C226 494 246 494 260 500C270 504 272 520 262 525C250 529 226 529 214 526C204 522 204 506 214 501Z"
      />
      <path
        class="finger"
        d="M232 506C244 503 256 506 263 511M230 513C244 510 256 513 262 517M232 520C242 518 252 520 258 523"
      />
      <path class="cuff" d="M90 465C104 470 126 470 143 465L146 484C126 495 102 493 83 479Z" />
      <path class="cuff" d="M390 465C376 470 354 470 337 465L334 484C354 495 378 493 397 479Z" />
    </g>
  )
}

function Face(): JSX.Element {
  return (
    <>
      <path class="skin-shade" d="M176 214C168 210 168 234 180 244ZM304 214C312 210 312 234 300 244Z" />
      <path
        class="skin"
        d="M180 204C180 160 206 134 240 134C274 134 300 160 300 204C300 246 282 302 240 303C198 302 180 246 180 204Z"
      />
      <path
        class="face-shade"
        d="M286 152C300 176 298 262 240 303C282 302 300 246 300 204C300 182 296 164 286 152Z"
      />
      <ellipse class="blush" cx="203" cy="252" rx="15" ry="9" />
      <ellipse class="blush" cx="277" cy="252" rx="15" ry="9" />
      <path class="nose" d="M244 232C243 242 249 250 247 255C244 258.5 237 258.5 233.5 256" />
      <path class="shine" d="M237 230C236.5 238 236.5 244 238 249" />
      <Eye x={213} side={-1} />
      <Eye x={267} side={1} />
      {Object.entries(mouths).map(([name, shape]) => (
        <MouthShape key={name} name={name} shape={shape} />
      ))}
      <circle class="brass" cx="176" cy="252" r="4.5" />
      <circle class="brass" cx="304" cy="252" r="4.5" />
    </>
  )
}

/** Drawn as the eye on the right; the other one is its mirror. */
function Eye({ x, side }: { readonly x: number; readonly side: 1 | -1 }): JSX.Element {
  return (
    <g transform={`translate(${x} 220)`}>
      <g transform={`scale(${side} 1)`}>
        <path class="brow" d="M-15.5 -21C-8 -27 8 -27.5 20 -17.5" />
        <path class="eye-white" d="M-15 3C-9 -10 7 -13 16 -2C10 10 -8 11 -15 3Z" />
      </g>
      <g class="gaze">
        <circle class="iris" r="8.2" cy="-.6" />
        <circle class="pupil" r="4.3" cy="-.6" />
        <circle class="glint" r="2.1" cx="-2.6" cy="-3.4" />
      </g>
      <g transform={`scale(${side} 1)`}>
        <path class="skin" d="M-17 3.4C-9 -10 7 -13 17 -3L17 -13C6 -19 -10 -17 -17 -6Z" />
        <path class="skin" d="M-16 3C-8 11 10 10 17 -2L18 10C8 17 -8 17 -16 9Z" />
        <path class="crease" d="M-13 -9C-6 -15 7 -16 16 -9" />
        <path class="lash" d="M-15.5 3.5C-9 -10 7 -13 16 -2L20.5 -6" />
        <g class="lid">
          <path class="skin" d="M-17 3C-9 -12 8 -15 18 -3C12 12 -9 13 -17 3Z" />
          <path class="lash" d="M-16 2C-8 9 9 8 17 -1L21 -2" />
        </g>
      </g>
    </g>
  )
}

function HairBefore(): JSX.Element {
  return (
    <>
      <path
        class="hair"
        d="M256 126C238 160 206 172 186 186C182 200 184 220 176 236C168 214 164 186 172 160C184 122 222 106 250 110C290 112 316 142 312 192C312 212 308 226 304 238C298 220 298 204 294 188C284 172 266 158 256 126Z"
      />
      <path
        class="hair"
        d="M300 224C312 250 326 268 326 302C326 334 320 360 312 380C298 366 292 340 298 312C302 288 296 262 300 224Z"
      />
      <path
        class="strand"
        d="M252 122C232 146 204 152 184 174M258 122C268 148 290 158 302 186M246 118C222 126 196 138 182 160M268 120C286 130 302 150 305 176M308 258C318 288 312 330 311 362M302 280C306 300 300 330 306 352"
      />
      <path class="rim" d="M172 168C182 128 216 109 250 111" />
    </>
  )
}

interface Shape {
  readonly lips: string
  readonly inside?: string
  readonly teeth?: string
  readonly tongue?: string
  readonly line?: string
}

/** Around the middle of the mouth. */
const mouths: Record<Mouth, Shape> = {
  rest: {
    lips: 'M-19 -3C-12 -6 -4 -7 0 -5C4 -7 12 -6 19 -3C12 10 -12 10 -19 -3Z',
    line: 'M-22 -6C-19 -3 -10 2.4 0 2.4C10 2.4 19 -3 22 -6',
  },
  closed: {
    lips: 'M-15 0C-10 -4 -4 -5 0 -3.6C4 -5 10 -4 15 0C10 5 -10 5 -15 0Z',
    line: 'M-16.5 -.4C-8 1 8 1 16.5 -.4',
  },
  open: {
    lips: 'M-17 -2C-12 -9 -4 -10 0 -8C4 -10 12 -9 17 -2C15 16 -15 16 -17 -2Z',
    inside: 'M-13.5 -2C-8 -5 8 -5 13.5 -2C11 11 -11 11 -13.5 -2Z',
    teeth: 'M-10.5 -3.2C-5 -4.6 5 -4.6 10.5 -3.2L9.5 -.4C4 .8 -4 .8 -9.5 -.4Z',
    tongue: 'M-8 5.6C-4 2.2 4 2.2 8 5.6C5 8.6 -5 8.6 -8 5.6Z',
  },
  wide: {
    lips: 'M-21 -2.5C-13 -8 -4 -9 0 -7C4 -9 13 -8 21 -2.5C15 10 -15 10 -21 -2.5Z',
    inside: 'M-17 -2.4C-9 -5 9 -5 17 -2.4C11 6 -11 6 -17 -2.4Z',
    teeth: 'M-14.5 -3C-7 -4.6 7 -4.6 14.5 -3C9 2 -9 2 -14.5 -3Z',
  },
  round: {
    lips: 'M0 -8.5C7 -10 11 -4 11 1.5C11 8 6 11.5 0 11.5C-6 11.5 -11 8 -11 1.5C-11 -4 -7 -10 0 -8.5Z',
    inside:
      'M0 -4.4C4 -4.4 6.4 -1.4 6.4 1.6C6.4 5 4 7.4 0 7.4C-4 7.4 -6.4 5 -6.4 1.6C-6.4 -1.4 -4 -4.4 0 -4.4Z',
  },
  teeth: {
    lips: 'M-16 -2C-11 -7.4 -4 -8.2 0 -6.6C4 -8.2 11 -7.4 16 -2C12 8.5 -12 8.5 -16 -2Z',
    teeth: 'M-11.5 -2.6C-5 -4 5 -4 11.5 -2.6L9.6 1.6C4 2.6 -4 2.6 -9.6 1.6Z',
  },
  tongue: {
    lips: 'M-17 -2C-12 -8 -4 -9 0 -7.4C4 -9 12 -8 17 -2C14 12 -14 12 -17 -2Z',
    inside: 'M-13.5 -2C-8 -4.6 8 -4.6 13.5 -2C11 7.6 -11 7.6 -13.5 -2Z',
    teeth: 'M-10.5 -3C-5 -4.2 5 -4.2 10.5 -3L9.6 -1.2C4 -.4 -4 -.4 -9.6 -1.2Z',
    tongue: 'M-7.5 4C-6 -2.6 6 -2.6 7.5 4C4 6.4 -4 6.4 -7.5 4Z',
  },
}

function MouthShape({ name, shape }: { readonly name: string; readonly shape: Shape }): JSX.Element {
  return (
    <g class={`mouth ${name}`} transform="translate(240 273)">
      <path class="lips" d={shape.lips} />
      {shape.inside !== undefined && <path class="mouth-inside" d={shape.inside} />}
      {shape.teeth !== undefined && <path class="mouth-teeth" d={shape.teeth} />}
      {shape.tongue !== undefined && <path class="mouth-tongue" d={shape.tongue} />}
      {shape.line !== undefined && <path class="mouth-line" d={shape.line} />}
    </g>
  )
}
