// The seam for `application/vnd.kubernetes.protobuf`: the api module's codec plugs in here.

export interface ProtobufCodec {
  /**
   * The object in an `Unknown` envelope, in JSON's form with kind and apiVersion.
   * @param kind expected, for messages
   * @throws StatusError BadRequest
   */
  decode(bytes: Uint8Array, kind: string): unknown;
  /** An object with kind and apiVersion, in its envelope. */
  encode(object: object): Buffer;
  /** One event of a watch, with its length before it. */
  frame(type: string, object: object): Buffer;
}
