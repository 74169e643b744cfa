// pure
// What the interfaces of a network namespace carried. Source: proc(5) /proc/net/dev, cadvisor scanInterfaceStats.

export interface InterfaceFigures {
  readonly name: string;
  readonly received: Traffic;
  readonly transmitted: Traffic;
}

export interface Traffic {
  readonly bytes: number;
  readonly packets: number;
  readonly errors: number;
  readonly dropped: number;
}

/** Those of the node itself that are of no interest. Source: cadvisor isIgnoredDevice. */
const IGNORED = /^(?:lo|veth|docker|nerdctl)/;

export function interfacesOf(text: string): readonly InterfaceFigures[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', figures] = line.split(':');
    if (figures === undefined || IGNORED.test(name.trim())) return [];
    const all = figures.trim().split(/\s+/).map(Number);
    const traffic = (from: number): Traffic => ({
      bytes: all[from] ?? 0,
      packets: all[from + 1] ?? 0,
      errors: all[from + 2] ?? 0,
      dropped: all[from + 3] ?? 0,
    });
    return [{ name: name.trim(), received: traffic(0), transmitted: traffic(8) }];
  });
}
