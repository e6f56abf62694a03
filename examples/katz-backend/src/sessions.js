import { createHmac, timingSafeEqual } from 'node:crypto';

/** `user.signature`: whoever has the secret can make one, so each environment has its own. */
export function openSession(user, secret) {
  if (!/^[a-z0-9-]{1,40}$/.test(user)) throw Object.assign(new Error('no such user'), { code: 400 });
  return `${user}.${sign(user, secret)}`;
}

/** The user of `Bearer user.signature`. */
export function readSession(authorization, secret) {
  const [, user, signature] = /^Bearer ([a-z0-9-]+)\.([0-9a-f]{64})$/.exec(authorization) ?? [];
  const isGood =
    user !== undefined && timingSafeEqual(Buffer.from(signature), Buffer.from(sign(user, secret)));
  if (!isGood) throw Object.assign(new Error('not signed in'), { code: 401 });
  return user;
}

function sign(user, secret) {
  return createHmac('sha256', secret).update(user).digest('hex');
}
