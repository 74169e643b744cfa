// A kubeconfig file of a webhook, for tests.

/** The text of one that names `server`, trusts `ca` (PEM) and shows a token. */
export const webhookKubeconfig = (server: string, ca: string): string =>
  JSON.stringify({
    'current-context': 'a',
    clusters: [{ name: 'a', cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    users: [{ name: 'a', user: { token: 'secret' } }],
    contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
  });
