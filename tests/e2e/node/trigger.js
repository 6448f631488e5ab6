// Another system, written in another language: puts one trigger on the queue, and says the id of its task.
// node trigger.js BROKER_URL TASK ARGUMENTS
const celery = require("celery-node");

async function main(broker, task, kwargs) {
  // ioredis reads a user out of an address only where it is told to.
  const url = `${broker}?allowUsernameInURI=true`;
  const client = celery.createClient(url, url, "trigger");
  await client.isReady();
  console.log(client.sendTask(task, [], JSON.parse(kwargs)).taskId);
  await new Promise(setImmediate);
  await client.disconnect();
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
