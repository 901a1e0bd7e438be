export interface AedesBroker {
    readonly url: string;
    readonly port: number;
    restart(): Promise<void>;
    close(): Promise<void>;
}
export interface AedesOptions {
    /** Refuses every login but this one. */
    readonly password?: string;
}
export declare function startAedes(options?: AedesOptions): Promise<AedesBroker>;
