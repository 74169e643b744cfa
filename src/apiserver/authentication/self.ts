// The server as a client of its own.
import { SYSTEM_PRIVILEGED_GROUP, type UserInfo } from './contract.ts';
import { API_SERVER } from './names.ts';

export const SELF: UserInfo = { name: API_SERVER, groups: [SYSTEM_PRIVILEGED_GROUP] };
