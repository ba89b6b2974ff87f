// A tour of the API with the client that @hey-api/openapi-ts generates.

import * as godwit from "./client";
import { createClient } from "./client/client";

declare const process: { env: Record<string, string> };

const client = createClient({
  baseUrl: process.env.GODWIT_API,
  auth: (auth) => (auth.scheme === "bearer" ? process.env.GODWIT_BEARER : undefined),
});
const asked = { client, throwOnError: true } as const;
const pause = () => new Promise((done) => setTimeout(done, 200));

async function campaignOf(name: string, scheduleDateTime?: string): Promise<godwit.Campaign> {
  const recipients = [4200, 4201, 4202].map((number) => ({
    to: `+1415555${number}`,
    reference: `order ${number}`,
  }));
  const { data } = await godwit.createCampaign({
    ...asked,
    headers: { "Idempotency-Key": name },
    body: { name, text: "Hello", recipients, scheduleDateTime },
  });
  if (!("id" in data)) {
    throw new Error("this is a dry run");
  }
  return data;
}

async function tour(hook: string): Promise<object> {
  const later = new Date(Date.now() + 3_600_000).toISOString();
  const scheduled = await campaignOf("node-later", later);
  if ((await campaignOf("node-later", later)).id !== scheduled.id) {
    throw new Error("the key was not known");
  }
  for (const order of [godwit.pauseCampaign, godwit.resumeCampaign, godwit.cancelCampaign]) {
    await order({ ...asked, path: { id: scheduled.id } });
  }
  const { data: webhook } = await godwit.addWebhook({
    ...asked,
    body: { url: hook, events: ["campaign.*"] },
  });
  const { data: added } = await godwit.listWebhooks(asked);
  if (!added.webhooks.some((one) => one.id === webhook.id)) {
    throw new Error("the webhook is not there");
  }
  const sent = await campaignOf("node-now");
  const path = { id: sent.id };
  while (!(await godwit.getCampaign({ ...asked, path })).data.finishedAt) {
    await pause();
  }
  const { data: report } = await godwit.getCampaignReport({ ...asked, path });
  let { data: delivery } = await godwit.testWebhook({ ...asked, path: { id: webhook.id } });
  while (delivery.status === "waiting") {
    await pause();
    const which = { id: webhook.id, deliveryId: delivery.id };
    delivery = (await godwit.getWebhookDelivery({ ...asked, path: which })).data;
  }
  await godwit.deleteWebhook({ ...asked, path: { id: webhook.id } });
  const { data: first } = await godwit.listCampaigns({ ...asked, query: { limit: 1 } });
  const { data: second } = await godwit.listCampaigns({
    ...asked,
    query: { limit: 1, cursor: first.next ?? undefined },
  });
  const { data: messages } = await godwit.listCampaignMessages({
    ...asked,
    path,
    query: { limit: 2 },
  });
  const ended = await godwit.getCampaign({ ...asked, path: { id: scheduled.id } });
  return {
    cancelled: ended.data.status,
    delivered: report.counts.delivered,
    pages: [first, second].map((page) => page.campaigns[0]?.name),
    messages: messages.messages.map((message) => message.reference),
    webhook: delivery.status,
  };
}

void tour(process.env.HOOK).then((result) => console.log(JSON.stringify(result)));
