// error-rate.mjs PROXY_URL LIMIT_PERCENT: exit 1 when more of the last four seconds' requests failed.
const [url, limit] = process.argv.slice(2);
const { requests, failed } = await (await fetch(`${url}/_proxy/errors`)).json();
const percent = requests === 0 ? 0 : (100 * failed) / requests;
console.log(`errors ${percent.toFixed(1)} %, limit ${limit} % (${failed} of ${requests} requests)`);
process.exit(percent > Number(limit) ? 1 : 0);
