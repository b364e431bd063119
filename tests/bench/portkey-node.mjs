/*
 * Loaded before @portkey-ai/gateway (node --import). Its 1.15.2 answers every
 * stream with 500 "immutable" on Node 20, since it changes the headers of a
 * fetched response. This gives it headers that it may change, so that it can
 * be measured at all.
 */
const fetched = globalThis.fetch;
const Plain = globalThis.Response;

globalThis.fetch = async (...args) => {
	const r = await fetched(...args);

	return new Plain(r.body, {
		status: r.status,
		statusText: r.statusText,
		headers: [...r.headers],
	});
};
