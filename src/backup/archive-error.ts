/** A backup that cannot be written or read as it is. The message quotes nothing that is in it. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError'
}
