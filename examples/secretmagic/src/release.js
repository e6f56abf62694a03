export const RELEASE = 'first';
