// The phones on a page, which tells its server what became of them.
import { talk } from './phones.mjs';

const url = new URLSearchParams(location.search).get('url');
const tell = (text) => fetch('/told', { method: 'POST', body: text });
talk(url).then(
  () => tell('good'),
  (error) => tell(String(error)),
);
