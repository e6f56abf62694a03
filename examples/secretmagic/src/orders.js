const ORDERS = [
  { id: 1, region: 'north' },
  { id: 2, region: 'south' },
];

export function listOrders() {
  return { orders: ORDERS };
}
