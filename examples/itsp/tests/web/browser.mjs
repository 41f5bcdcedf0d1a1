// Serves the page, and has Chromium open it.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [, , chromium, url] = process.argv;
const script = readFileSync('page.js');

let gone;
const ended = new Promise((resolve) => (gone = resolve));
const told = new Promise((resolve) => {
  const server = createServer((request, response) => {
    if (request.url === '/told') {
      let text = '';
      request.on('data', (part) => (text += part));
      request.on('end', () => resolve(text));
    }
    const isScript = request.url === '/page.js';
    response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? script : '<script src="/page.js"></script>');
  });
  server.listen(0, '127.0.0.1', () => {
    const here = `127.0.0.1:${server.address().port}`;
    const browser = spawn(
      chromium,
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--user-data-dir=browser',
        // The page is where the server's configuration allows one, and the certificate is its own authority.
        `--host-resolver-rules=MAP phone.example ${here}`,
        '--ignore-certificate-errors',
        `http://phone.example/?url=${encodeURIComponent(url)}`,
      ],
      { stdio: 'ignore' },
    );
    process.on('exit', () => browser.kill());
    told.then(() => browser.kill());
    browser.on('exit', gone);
  });
});

const outcome = await told;
await ended;
console.log(`Chromium: ${outcome === 'good' ? `two phones wrote to each other over ${url}` : outcome}`);
process.exit(outcome === 'good' ? 0 : 1);
