// Works on texts that prom-client wrote. A raw line feed ends a line there and stands nowhere else.

/** Not with the flag `m`, to which more than a line feed begins a line. */
const startOfSample = /(?<=^|\n)[a-zA-Z_:][\w:]*\{?/g

/** The same text with one more label, which no sample in it has yet, on every sample. */
export function withLabel(text: string, label: string, value: string): string {
  const escaped = value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
  const pair = `${label}="${escaped}"`
  return text.replaceAll(startOfSample, (start) =>
    start.endsWith('{') ? `${start}${pair},` : `${start}{${pair}}`,
  )
}

interface Family {
  readonly name: string
  readonly type: string
  /** Its lines of help and type. */
  readonly head: string
  /** Its other lines, as one piece: nothing has to be known about them. */
  readonly samples: string
}

/**
 * One text with the samples of all, each family once. Where texts of different versions describe a family in different
 * words, the first counts; samples of another type than the first one's are left out. No two texts share a series.
 */
export function mergeTexts(texts: readonly string[]): string {
  const merged = new Map<string, { readonly type: string; readonly lines: string[] }>()
  for (const { name, type, head, samples } of texts.flatMap(familiesOf)) {
    const family = merged.get(name) ?? { type, lines: [head] }
    merged.set(name, family)
    if (family.type === type && samples !== '') family.lines.push(samples)
  }
  // Joined once: the texts of a large fleet are some megabytes.
  return [...merged.values()].flatMap(({ lines }) => [...lines, '']).join('\n')
}

/** One gauge without labels. */
export function gaugeText(name: string, help: string, value: number): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`
}

function familiesOf(text: string): readonly Family[] {
  const blocks = text.split('\n# HELP ')
  return blocks.filter((block) => block.trim() !== '').map(familyOf)
}

function familyOf(block: string): Family {
  // Only the first block of a text still has what the others were split at.
  const [start, head, name, type] = /^(?:# HELP )?((\S+) [^\n]*\n# TYPE \S+ (\w+))/.exec(block) ?? []
  if (start === undefined || head === undefined || name === undefined || type === undefined) {
    throw new Error('A text of metrics has a family without help or type.')
  }
  return { name, type, head: `# HELP ${head}`, samples: block.slice(start.length).trim() }
}
