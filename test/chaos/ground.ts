/** What a kind of platform brings to a chaos run: where it is released to, how it is hurt, and what must be true after it. */
import type { EnvironmentStatus } from '../../workflows/messages.js';
import type { Kept } from '../support/kept.js';
import type { TestRepository } from '../support/repository.js';
import type { Commit, Quality } from './committer.js';

export interface Ground {
  lanes: LaneGround[];
  blows: Blow[];
  /** What its workers need to know. */
  workerEnv: NodeJS.ProcessEnv;
  /** Homes of ssh users, with the journals of their commands. */
  homes: string[];
  /** What is not as the environments say, in words; looks again while something may still be healing. */
  judge(remember: Remember): Promise<string[]>;
  /** One of them is on the command line of every process that it or a release has started. */
  marks: string[];
  /** What is on this machine after its end, beside processes. */
  findLeftovers(): Promise<string[]>;
}

/** An environment that is released to. */
export interface LaneGround {
  environment: string;
  pipeline: string;
  /** The pipeline's file in the repository. */
  file: string;
  publish: Publish;
  /** What its users ask; null = the ground asks for them. */
  users: Users | null;
}

export interface Users {
  url: string;
  /** Where the answer says its colour, when it has one. */
  colour: 'in its header' | 'at /colour';
}

/** Commits and tags a release, and pushes what it needs; gives the full sha. */
export type Publish = (version: string, quality: Quality) => Promise<string>;

export type Remember = (environment: string) => Promise<EnvironmentStatus | null>;

/** One way to hurt it. */
export interface Blow {
  /** How often, beside the others. */
  weight: number;
  name: string;
  /** Takes it away and, after a while, gives it back. `chance`: 0 ≤ x < 1, which one of several. */
  strike(forMs: number, chance: number): Promise<void>;
}

export interface GroundNeeds extends Pick<Kept, 'keep' | 'later'> {
  /** Of the whole run. */
  folder: string;
  repository: TestRepository;
  commit: Commit;
}

export type SetGround = (needs: GroundNeeds) => Promise<Ground>;

/** Something that can be taken away and given back. */
export interface Breakable {
  break(): Promise<void>;
  mend(): Promise<void>;
}
