/** The fields of one message of protobuf by their numbers, in their order, as far as they were read. */
export class Message {
  readonly #fields = new Map<number, (bigint | Buffer)[]>()

  constructor(bytes: Buffer) {
    let at = 0
    const varint = (): bigint => {
      let value = 0n
      for (let shift = 0n; ; shift += 7n) {
        const byte = bytes.readUInt8(at++)
        value |= BigInt(byte & 0x7f) << shift
        if (byte < 0x80) return value
      }
    }
    const taken = (length: number): Buffer => {
      if (at + length > bytes.length) throw new Error('A message of protobuf breaks off.')
      at += length
      return bytes.subarray(at - length, at)
    }
    const value = (wireType: number): bigint | Buffer => {
      switch (wireType) {
        case 0:
          return varint()
        case 1:
          return taken(8)
        case 2:
          return taken(Number(varint()))
        case 5:
          return taken(4)
        default:
          throw new Error(`No protobuf has the wire type ${wireType}.`)
      }
    }
    while (at < bytes.length) {
      const tag = Number(varint())
      const field = tag >> 3
      this.#fields.set(field, [...(this.#fields.get(field) ?? []), value(tag & 7)])
    }
  }

  has(field: number): boolean {
    return this.#fields.has(field)
  }

  bytes(field: number): Buffer {
    const [value = Buffer.alloc(0)] = this.#fields.get(field) ?? []
    if (typeof value === 'bigint') throw new Error(`Field ${field} is a number.`)
    return value
  }

  text(field: number): string {
    return this.bytes(field).toString()
  }

  number(field: number): number {
    const [value = 0n] = this.#fields.get(field) ?? []
    if (typeof value !== 'bigint') throw new Error(`Field ${field} is no number of variable length.`)
    return Number(BigInt.asIntN(64, value))
  }

  messages(field: number): readonly Message[] {
    return (this.#fields.get(field) ?? []).map((value) => {
      if (typeof value === 'bigint') throw new Error(`Field ${field} is a number.`)
      return new Message(value)
    })
  }
}
