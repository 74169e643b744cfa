// What the API server shows a kubelet, and what it expects to see. PEM texts, read anew for each connection.

export interface KubeletCredentials {
  readonly clientCertificate: string;
  readonly clientKey: string;
  /** Issuer of serving certificates of kubelets; absent: they are not verified. */
  readonly ca?: string;
}

export type CredentialsSource = () => KubeletCredentials;
