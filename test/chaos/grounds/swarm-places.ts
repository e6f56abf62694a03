/** Where the teams' releases run and where users find them. */
export const COLOURS = ['blue', 'green'] as const;
export const SLOTS = [...COLOURS, 'stage'] as const;
export type Slot = (typeof SLOTS)[number];
export type SlotPorts = Record<Slot, number>;

/** On the Swarm host. */
export const WEB_PORTS = { swarm: 8080, blue: 8081, green: 8082 } as const;

/** What a pipeline has to know of the proxy. */
export interface ProxyDoor {
  port: number;
  socket: string;
  map: string;
}
