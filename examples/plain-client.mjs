// A client that knows nothing of Parley: no library, no subprotocol, only the five message types of
// AgenticGoKit's WebUI. With a server running (npm start):
//
//   npx node examples/plain-client.mjs "What is Parley?" [ws://localhost:8080/ws]
//
// It needs a Node that has a WebSocket, 22 or newer; npx finds the one that `npm ci` has brought.
const [question = 'What is Parley?', url = 'ws://localhost:8080/ws'] = process.argv.slice(2);
const ws = new WebSocket(url);
const send = (type, data, session_id) =>
  ws.send(JSON.stringify({ type, session_id, timestamp: new Date().toISOString(), data }));

ws.onopen = () => send('session_create', { user_agent: 'plain-client' });
ws.onmessage = ({ data: text }) => {
  const { type, session_id, data } = JSON.parse(text);
  switch (type) {
    case 'session_status':
      console.log(`In session ${session_id}, with ${data.agent_name}.`);
      send('chat_message', { content: question, message_type: 'text' }, session_id);
      break;
    case 'agent_response':
      console.log(data.content);
      ws.close();
      break;
    case 'error':
      console.error(`${data.code}: ${data.message}`);
      process.exitCode = 1;
      ws.close();
      break;
    default: // agent_progress, system_message and pong are of no interest here.
  }
};
ws.onerror = () => console.error(`No server answers at ${url}. Start one with npm start.`);
