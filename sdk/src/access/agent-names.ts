/** What an edge agent calls things of its models on a broker, and so what its login is granted. */

const MAX_ID_LENGTH = 64;

/** A model's level of a topic: a dot separates levels for some brokers. */
export function modelLevel(model: string): string {
  return model.replaceAll('.', '_');
}

/** Two models are two connections, and a broker knows a connection by its device's name. */
export function modelSession(device: string, model: string): string {
  return `${device}-${modelLevel(model)}`.slice(0, MAX_ID_LENGTH);
}
