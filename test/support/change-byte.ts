/** A copy with one byte that differs from what it was, whatever it was; `index` counts from the end when negative. */
export function changeByte(bytes: Uint8Array, index: number, by = 1): Buffer {
  const changed = Buffer.from(bytes);
  const at = index < 0 ? changed.length + index : index;
  changed.writeUInt8(changed.readUInt8(at) ^ by, at);
  return changed;
}
