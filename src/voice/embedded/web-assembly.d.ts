/** What is used of WebAssembly: the types of Node do not have it, and those of browsers have too much else. */
declare namespace WebAssembly {
  interface Module {
    readonly [Symbol.toStringTag]: string
  }
  class Memory {
    constructor(descriptor: { readonly initial: number })
    readonly buffer: ArrayBuffer
  }
  interface Instance {
    readonly exports: Readonly<Record<string, unknown>>
  }
  type ModuleImports = Readonly<Record<string, (...values: never[]) => number>>
  function compile(bytes: Uint8Array): Promise<Module>
  function instantiate(module: Module, imports: Readonly<Record<string, ModuleImports>>): Promise<Instance>
}
