export interface TcpGate {
    readonly port: number;
    /** Connections that passed so far. */
    readonly connections: number;
    /** Ends what is open, without a goodbye; new connections pass. */
    sever(): void;
    close(): Promise<void>;
}
export declare function openGate(targetPort: number): Promise<TcpGate>;
