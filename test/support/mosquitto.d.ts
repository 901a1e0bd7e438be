export interface MosquittoOptions {
    /** Largest packet in bytes; MQTT 5 clients are told. */
    readonly maxPacketBytes?: number;
}
export interface Mosquitto {
    readonly url: string;
    readonly port: number;
    /** Kills it without a goodbye to anyone, and starts it again at the same port. */
    restart(): Promise<void>;
    kill(): Promise<void>;
    close(): Promise<void>;
}
/**
 * Why Mosquitto cannot be run here, or undefined when it can.
 * @throws Error when it is missing and the environment's CUTPOINT_REQUIRE names `mosquitto`
 */
export declare function mosquittoMissing(): string | undefined;
export declare function startMosquitto(options?: MosquittoOptions): Promise<Mosquitto>;
