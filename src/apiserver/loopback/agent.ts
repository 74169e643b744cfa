// pure
// How a component that calls in this process would introduce itself over the network.
import { userAgent } from '#client/https/user-agent.ts';
import { API_SERVER } from '../authentication/names.ts';
import { CONTROLLER_ROLES } from '../authorization/policy/controller-roles.ts';

const ACCOUNT = 'system:serviceaccount:kube-system:';

/**
 * The program first, whose name owns the fields it writes; a controller's account after it.
 * Source: client-go rest AddUserAgent, by controller client builders.
 */
export function agentOf(user: string): string {
  const name = user.slice(user.lastIndexOf(':') + 1);
  if (user === API_SERVER) return userAgent('kube-apiserver');
  if (user.startsWith('system:node:')) return userAgent('kubelet');
  if (user.startsWith(ACCOUNT) && name in CONTROLLER_ROLES) return `${userAgent('kube-controller-manager')}/${user}`;
  return userAgent(name);
}
