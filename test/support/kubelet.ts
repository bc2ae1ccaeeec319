import { Client, credentials } from '@grpc/grpc-js';
import type { PluginInfo } from '../../src/gen/pluginregistration/PluginInfo.ts';
import { decode, encode, loadProto, methodsOf, pluginRegistration } from '../../src/grpc/load.ts';

/** The part of kubelet that plugins see: it connects to a socket of its folder, asks for the plugin's name, and reports the result. */
export interface Kubelet extends Disposable {
  getInfo(): Promise<PluginInfo>;
  /** Without an error: registered. */
  notify(error?: string): Promise<void>;
}

const root = loadProto(pluginRegistration);
const methods = new Map(methodsOf(root, 'pluginregistration.Registration').map((method) => [method.name, method]));

export function kubeletAt(socket: string): Kubelet {
  const client = new Client(`unix://${socket}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  const call = async (name: string, request: object): Promise<unknown> => {
    const method = methods.get(name);
    if (!method) throw new Error(`the interface has no method ${name}`);
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    client.makeUnaryRequest(
      `/pluginregistration.Registration/${name}`,
      (message: object) => encode(method.resolvedRequestType, message),
      (bytes) => bytes,
      request,
      { deadline: Date.now() + 10_000 },
      (error, reply) => (reply === undefined ? reject(error ?? new Error('no reply')) : resolve(reply)),
    );
    return decode(method.resolvedResponseType, await promise);
  };
  return {
    getInfo: async () => (await call('GetInfo', {})) as PluginInfo,
    async notify(error) {
      await call('NotifyRegistrationStatus', { pluginRegistered: error === undefined, error: error ?? '' });
    },
    [Symbol.dispose]: () => client.close(),
  };
}
