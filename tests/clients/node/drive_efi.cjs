// Runs with the modules of sdk-node-apis-efi: makes the calls that come by standard input, a line of JSON each.
"use strict";

const readline = require("node:readline");
const { createRequire } = require("node:module");

const told = JSON.parse(process.argv[2]);
const load = createRequire(`${told.modules}/`);
const axios = load("axios");
const EfiPay = load("sdk-node-apis-efi");

// The library has no option for the address. What it asks of its own host goes to ours.
const send = axios.getAdapter("http");
axios.defaults.adapter = (request) => {
  request.url = request.url.replace("https://pix-h.api.efipay.com.br", told.address);
  return send(request);
};

const efi = new EfiPay({
  client_id: told.client_id,
  client_secret: told.client_secret,
  sandbox: true,
  certificate: "",
  cert_base64: true,
});

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [name, { params = {}, body }] = JSON.parse(line);
    const answer = await efi[name](params, body).then(
      (result) => ({ result: result ?? null }),
      (error) => ({ error: error instanceof Error ? error.message : error }),
    );
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

main();
