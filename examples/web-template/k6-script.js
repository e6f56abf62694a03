// Thirty seconds of users on BASE_URL; the thresholds decide.
import http from 'k6/http';

export const options = {
  vus: 10,
  duration: '30s',
  thresholds: { http_req_duration: ['p(95)<500'], http_req_failed: ['rate<0.01'] },
};

export default function () {
  http.get(`${__ENV.BASE_URL}/items`);
}
