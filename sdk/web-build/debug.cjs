/** No debug log in pages. */
const silent = () => {};
module.exports = () => Object.assign(silent.bind(null), { enabled: false, extend: () => silent });
