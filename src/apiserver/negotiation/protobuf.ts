// The seam for `application/vnd.kubernetes.protobuf`: the api module's codec plugs in here.
import type { GroupVersion } from '#api/protobuf/kube-protobuf.ts';

export interface ProtobufCodec {
  /**
   * The object in an `Unknown` envelope, in JSON's form with kind and apiVersion.
   * @param kind and `version` expected, where it names none
   * @throws StatusError BadRequest
   */
  decode(bytes: Uint8Array, kind: string, version?: GroupVersion): unknown;
  /** An object with kind and apiVersion, in its envelope. */
  encode(object: object): Buffer;
  /** One event of a watch, with its length before it. */
  frame(type: string, object: object): Buffer;
}
