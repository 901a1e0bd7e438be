/** MQTT.js copies what it stores to send again, at QoS 1 and 2: the fields are enough, its payload is not changed. */
module.exports = (packet) => ({ ...packet });
