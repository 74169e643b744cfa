// What a conversion is: two pure functions between the stored version of a kind and another served one.
import type { KubeObject } from '../types.ts';

export interface Conversion {
  /** From the stored version. */
  toServed(object: KubeObject): KubeObject;
  /** To the stored version. */
  toStored(object: KubeObject): KubeObject;
}
