// pure
// Every key and certificate of a cluster: its file, its issuer and what it may be used for. Layout and subjects are
// kubeadm's. Source: kubeadm certs list.go.
import { listOf } from '../settings/networks.ts';
import type { CertificateRequest } from './certificate.ts';

export type AuthorityName = 'ca' | 'front-proxy-ca';

export const AUTHORITIES: Readonly<Record<AuthorityName, { readonly commonName: string }>> = {
  ca: { commonName: 'kubernetes' },
  'front-proxy-ca': { commonName: 'front-proxy-ca' },
};

/** Source: kubeadm constants CACertificateValidityPeriod, CertificateValidityPeriod. */
export const AUTHORITY_VALID_DAYS = 3650;
export const CERTIFICATE_VALID_DAYS = 365;

export interface Leaf {
  /** File name without ending, below the pki folder. */
  readonly file: string;
  readonly issuer: AuthorityName;
  readonly request: CertificateRequest;
}

export interface Subjects {
  readonly nodeName: string;
  /** One address, or one of each family by comma. */
  readonly nodeIP: string;
  /** First address of the Service CIDR: `kubernetes.default`. */
  readonly serviceIP: string;
  readonly clusterDomain: string;
  /** More names and addresses clients use to reach the API server. */
  readonly extraNames: readonly string[];
}

const isAddress = (name: string): boolean => /^[\d.]+$/.test(name) || name.includes(':');

const client = (file: string, commonName: string, ...organizations: string[]): Leaf => ({
  file,
  issuer: 'ca',
  request: { commonName, organizations, usages: ['client'], validDays: CERTIFICATE_VALID_DAYS },
});

/** Certificates of a machine that runs the control plane. */
export function serverLeaves({ nodeName, nodeIP, serviceIP, clusterDomain, extraNames }: Subjects): readonly Leaf[] {
  const service = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', `kubernetes.default.svc.${clusterDomain}`];
  const names = [...new Set(['localhost', nodeName, ...service, ...extraNames])];
  return [
    {
      file: 'apiserver',
      issuer: 'ca',
      request: {
        commonName: 'kube-apiserver',
        usages: ['server'],
        dnsNames: names.filter((name) => !isAddress(name)),
        ipAddresses: [...new Set(['127.0.0.1', '::1', ...listOf(nodeIP), serviceIP, ...extraNames.filter(isAddress)])],
        validDays: CERTIFICATE_VALID_DAYS,
      },
    },
    client('apiserver-kubelet-client', 'kube-apiserver-kubelet-client', 'kubeadm:cluster-admins'),
    {
      file: 'front-proxy-client',
      issuer: 'front-proxy-ca',
      request: { commonName: 'front-proxy-client', usages: ['client'], validDays: CERTIFICATE_VALID_DAYS },
    },
    client('admin', 'kubernetes-admin', 'system:masters'),
    client('controller-manager', 'system:kube-controller-manager'),
    client('scheduler', 'system:kube-scheduler'),
  ];
}

/** Certificates of a machine that runs pods. */
export function nodeLeaves({ nodeName, nodeIP }: Pick<Subjects, 'nodeName' | 'nodeIP'>): readonly Leaf[] {
  return [
    client('kubelet-client', `system:node:${nodeName}`, 'system:nodes'),
    {
      file: 'kubelet-server',
      issuer: 'ca',
      request: {
        commonName: `system:node:${nodeName}`,
        organizations: ['system:nodes'],
        usages: ['server'],
        dnsNames: [nodeName],
        ipAddresses: [...listOf(nodeIP), '127.0.0.1'],
        validDays: CERTIFICATE_VALID_DAYS,
      },
    },
    client('kube-proxy', 'system:kube-proxy'),
  ];
}
