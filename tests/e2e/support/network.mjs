// Machines of a test: network namespaces on a bridge, made with iproute2 and removed when the test process ends. What
// a partition cuts is dropped silently, as on a broken switch; this process is beside the first part.
import { spawnSync } from 'node:child_process';

const ip = (...args) => spawnSync('ip', args, { encoding: 'utf8' });
const must = (...args) => {
  const done = ip(...args);
  if (done.status !== 0) throw new Error(`ip ${args.join(' ')}: ${done.stderr ?? done.error}`);
};

export class Network {
  // NULL where namespaces can't be made here.
  static make(count) {
    const tag = `gty${process.pid % 100_000}`;
    const probe = ip('netns', 'add', `${tag}-0`);
    if (probe.error || probe.status !== 0) return null;
    ip('netns', 'del', `${tag}-0`);
    return new Network(tag, count);
  }

  constructor(tag, count) {
    Object.assign(this, { tag, count, subnet: `10.${100 + (process.pid % 100)}.${Math.floor(process.pid / 100) % 250}` });
    process.on('exit', () => this.remove());
    for (const bridge of this.bridges) {
      must('link', 'add', bridge, 'type', 'bridge');
      must('link', 'set', bridge, 'up');
    }
    must('addr', 'add', `${this.subnet}.254/24`, 'dev', this.bridges[0]);
    for (let i = 0; i < count; i++) {
      must('netns', 'add', this.space(i));
      must('link', 'add', this.port(i), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.space(i));
      must('link', 'set', this.port(i), 'master', this.bridges[0], 'up');
      must('-n', this.space(i), 'addr', 'add', `${this.address(i)}/24`, 'dev', 'eth0');
      for (const device of ['lo', 'eth0']) must('-n', this.space(i), 'link', 'set', device, 'up');
    }
  }

  get bridges() {
    return [`${this.tag}a`, `${this.tag}b`];
  }
  space(i) {
    return `${this.tag}-${i}`;
  }
  port(i) {
    return `${this.tag}v${i}`;
  }
  address(i) {
    return `${this.subnet}.${i + 1}`;
  }
  // What runs a command on machine i.
  prefix(i) {
    return ['ip', 'netns', 'exec', this.space(i)];
  }

  // These machines hear only one another from now on.
  cut(machines) {
    for (const i of machines) must('link', 'set', this.port(i), 'master', this.bridges[1]);
  }
  heal() {
    for (let i = 0; i < this.count; i++) must('link', 'set', this.port(i), 'master', this.bridges[0]);
  }
  remove() {
    for (let i = 0; i < this.count; i++) ip('netns', 'del', this.space(i));
    for (let i = 0; i < this.count; i++) ip('link', 'del', this.port(i));
    for (const bridge of this.bridges) ip('link', 'del', bridge);
  }
}
