#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Replays the golden commands with skep and compares what it prints with what bpftool 7.1 printed.

    run.py --engine user|kernel --skep BUILD/bin/skep [--only PATTERN] [--show] [--list-failing]

steps.tsv says what is run, in order: state carries from step to step. captures/*.txt hold what was
printed ("o" lines: standard output, "e" lines: standard error without the loader library's own
lines, "x": exit status; "o\\" is a line without newline). Both sides are masked: ids, times,
addresses, the running kernel's helper offsets; on the user engine also sizes that belong to the
engine. A message where bpftool was silent is no difference, nor are further lines on standard error.

differences.tsv explains every case that differs: case, engine (user, kernel, both), reason; a reason
that begins with "n/a" says that the case does not apply there. The run fails on a difference that is
not explained, and on an explanation that is no longer needed.
"""
import argparse, ctypes, fnmatch, json, os, platform, re, shutil, struct, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
BPFFS = '/sys/fs/bpf'
FLAG = {'t': '', 'j': '-j ', 'p': '-p '}
HASH_ORDER = ('map/dump-no-btf', 'map/getnext-first', 'map/dump-pcpu-hash')
PROGRAM_IDS_INSIDE = ('map/dump-prog-array', 'map/dump-outer')


def read_captures():
    captures = {}
    for name in sorted(os.listdir(HERE + '/captures')):
        current = None
        for line in open(HERE + '/captures/' + name, errors='replace').read().split('\n')[:-1]:
            kind, rest = line[:1], line[2:]
            if kind == '=':
                current = captures[rest] = {'x': 0, 'o': '', 'e': ''}
            elif kind == 'x':
                current['x'] = int(rest)
            else:
                current[kind] += rest + ('' if line[1:2] == '\\' else '\n')
    return captures


def read_steps():
    for line in open(HERE + '/steps.tsv').read().split('\n'):
        if line and not line.startswith('#'):
            fields = line.split('\t')
            options = dict(field.split('=', 1) for field in fields[3:])
            yield fields[0], fields[1], fields[2], options


def read_differences(engine):
    rows = {}
    for line in open(HERE + '/differences.tsv').read().split('\n'):
        if line and not line.startswith('#'):
            case, who, reason = line.split('\t')
            if who in (engine, 'both'):
                rows[case] = reason
    return rows


# ---- masks

def mask(text, engine, case):
    rules = [
        (r'(loaded_at )\S+', r'\1T'), (r'("loaded_at": ?)\d+', r'\1T'), (r'(uid )\d+', r'\1U'), (r'("uid": ?)\d+', r'\1U'),
        (r'(map_ids )[\d,]+', lambda g: g[1] + ','.join('N' for _ in g[0].split(','))),
        (r'("map_ids": ?\[)([\d,]+)', lambda g: g[1] + ','.join('N' for _ in g[2].split(','))),
        (r'(map\[id:)\d+', r'\1N'), (r'(prog_ids )[\d,]+', lambda g: g[1] + ','.join('N' for _ in g[0].split(','))),
        (r'("prog_ids": ?\[)([\d,]+)', lambda g: g[1] + ','.join('N' for _ in g[2].split(','))),
        (r'(\[vmlinux\]  size |"size": ?)\d{6,}', r'\1K'), (r'((?:btf|map|prog)_id |prog )\d+', r'\1N'), (r'("(?:btf_id|map_id|prog_id|id)": ?)\d+', r'\1N'),
        (r'^\d+: (?=[a-z_<])', 'N: '), (r'(\bid )\d+', r'\1N'), (r'(get (?:map )?by id \()\d+', r'\1N'),
        (r'("id",\s*")\d+', r'\1N'), (r'(#)-?\d+', r'\1N'),
        (r'\b(18 [12][0-9a-f] 00 00 )((?:[0-9a-f]{2} ?){4})', r'\1M '),
        (r'\b(85 00 00 00 )((?:[0-9a-f]{2} ?){4})', r'\1H'),
        (r'("code": ?"0x85",\s*"src_reg": ?"0x0",\s*"dst_reg": ?"0x0",\s*"off": ?\[[^\]]*\],\s*"imm": ?\[)[^\]]*', r'\1H'),
        (r'("src_reg": ?"0x[12]",\s*"dst_reg": ?"0x.",\s*"off": ?\[[^\]]*\],\s*"imm": ?\[)("0x..",\s*){4}', r'\1M'),
        (r'(ifindex": ?|veth0\(|lo\(|veth1\()\d+', r'\1I'),
        (r'(duration[^:]*: )\d+ns', r'\1D'), (r'("duration": ?)\d+', r'\1D'),
        (r'(run_time_ns |"run_time_ns": ?)\d+', r'\1R'),
        (r'(netns_ino |"netns_ino": ?|cgroup_id |"cgroup_id": ?)\d+', r'\1C'),
        (r'0x[0-9a-f]{16}', '0xA'), (r'(\d+ usec|verification time \S+ usec)', 'V'),
        (r' run_time_ns R run_cnt \d+' if 'stats' not in case else r'(?!)', ''),
        (r'"run_time_ns": ?R,\s*"run_cnt": ?\d+,\s*' if 'stats' not in case else r'(?!)', ''),
        (r'("seen": ?)\d+', r'\1S'),
        # Padding of struct flow_val: what lay on the program's stack.
        (r'("0x6e","0x65","0x77"(?:,"0x00"){5})(?:,"0x.."){3}(,"0x01","0x02","0x03","0x04")(?:,"0x.."){4}', r'\1,P\2,P'),
    ]
    if 'seen' in text:
        rules.append((r'"0x..","0x..","0x..","0x.."(?=[^}]*"seen")', 'S'))
        rules.append((r'("value": ?\[)[^\]]*(?=\s*\][^\[]*"formatted"[^\[]*\[\{\s*"seen")', r'\1S'))
    if case.startswith(PROGRAM_IDS_INSIDE):
        rules += [(r'(value:) [0-9a-f]{2}( [0-9a-f]{2}){3}', r'\1 N'),
                  (r'("value": ?\[)"0x..","0x..","0x..","0x.."', r'\1N')]
    if engine == 'user':
        # The log has 0 where the kernel prints the address of a map: that is not ours to know.
        rules += [(r'(\(18\) r\d+ = )(?:0xA|0x0) *(;|$)', r'\1M \2')]
        rules += [(r'(jited |xlated |memlock )\d+B', r'\1Z'), (r'("bytes_(?:jited|xlated|memlock)": ?)\d+', r'\1Z')]
    for pattern, replacement in rules:
        text = re.sub(pattern, replacement, text, flags=re.M)
    return text


def trace_lines(text, form):
    lines = [l for l in (json.loads(text) if text.lstrip().startswith('[') else text.splitlines()) if 'packet number' in l][-2:]
    return [re.sub(r'number \d+', 'number #', re.sub(r'^.*?bpf_trace_printk', 'bpf_trace_printk', l)) for l in lines]


def once_for_all_mounts(golden):
    """The capture had two mounts of the BPF file system; bpftool tells a pin for each."""
    golden = re.sub(r'(\tpinned [^\n]+\n)\1', r'\1', golden)
    return re.sub(r'("/sys/fs/bpf/[^"]*"),\1', r'\1', golden)


def agree(case, form, golden, actual, engine):
    """What differs, in a few words; nothing when they agree."""
    if golden['x'] != actual['x']:
        return 'exit status %d, not %d' % (actual['x'], golden['x'])
    error_lines = [l for l in mask(golden['e'], engine, case).splitlines()
                   if l.strip() and 'libbpf strict mode' not in l and '--legacy option' not in l]
    silent = golden['x'] != 0 and not golden['o'].strip() and not error_lines
    if silent:
        said = actual['o'] + actual['e']
        return None if 'rror' in said else 'says nothing'
    if case == 'prog/tracelog':
        return None if trace_lines(golden['o'], form) == trace_lines(actual['o'], form) else 'other lines'
    golden_out, actual_out = (mask(x['o'], engine, case) for x in (golden, actual))
    golden_out = once_for_all_mounts(golden_out)
    if case in HASH_ORDER:
        golden_out, actual_out = (sorted(re.split(r'[\n{}]+', x)) for x in (golden_out, actual_out))
        if case == 'map/getnext-first':
            golden_out, actual_out = len(golden_out), len(actual_out)
    if golden_out != actual_out:
        return 'standard output differs'
    said = mask(actual['e'], engine, case).splitlines()
    missing = [l for l in error_lines if l not in said]
    return 'not said: ' + missing[0] if missing else None


# ---- the state that is not skep's to make

def bpf(command, attributes):
    number = {'x86_64': 321, 'aarch64': 280}[platform.machine()]
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(attributes, 128)
    answer = libc.syscall(number, command, buffer, 128)
    if answer < 0:
        raise OSError(ctypes.get_errno(), 'bpf(%d)' % command)
    return answer


def open_pin(path):
    text = ctypes.create_string_buffer(path.encode())
    return bpf(7, struct.pack('QI', ctypes.addressof(text), 0))


def make_link(prog, kind, target, pin):
    """What the C helper of the capture did: a link, pinned."""
    import socket
    types = {'xdp': 37, 'sk_lookup': 36}
    target_fd = socket.if_nametoindex(target) if kind == 'xdp' else os.open(target, os.O_RDONLY)
    link = bpf(28, struct.pack('IIII', open_pin(prog), target_fd, types[kind], 0))
    text = ctypes.create_string_buffer(pin.encode())
    bpf(6, struct.pack('QI', ctypes.addressof(text), link))
    os.close(link)


class Replay:
    def __init__(self, engine, skep, work):
        self.engine, self.work = engine, work
        tools = work + '/tools'
        os.mkdir(tools)
        os.symlink(os.path.abspath(skep), tools + '/bpftool')
        self.env = dict(os.environ, PATH=tools + ':/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL='C', TZ='UTC', COLUMNS='80',
                        SKEP_ENGINE=engine, XDG_RUNTIME_DIR=work + '/run', SKEP_BPFFS=work + '/run/pins')
        os.mkdir(work + '/run', 0o700)
        os.mkdir(work + '/objects')
        for name in os.listdir(HERE + '/obj'):
            shutil.copy(HERE + '/obj/' + name, work + '/objects')
        self.pins = BPFFS if engine == 'kernel' else self.env['SKEP_BPFFS']

    def shell(self, command, stdin='', timeout=60):
        command = self.named(command).replace(BPFFS, self.pins)
        done = subprocess.run(command, shell=True, cwd=self.work + '/objects', env=self.env, input=stdin.encode(),
                              capture_output=True, timeout=timeout)
        return {'x': done.returncode, 'o': self.own(done.stdout), 'e': self.own(done.stderr)}

    def own(self, output):
        return output.decode(errors='backslashreplace').replace(self.pins, BPFFS)

    def value(self, command, key):
        try:
            found = json.loads(self.shell(command)['o'])
            found = found[0] if isinstance(found, list) else found
            return found.get(key, 999998)
        except (ValueError, IndexError):
            return 999998

    def named(self, text):
        """{prog PIN} and its like become ids."""
        def number(match):
            kind, what = match[1], match[2]
            hello = 'bpftool -j prog show pinned %s/hello' % BPFFS
            if kind == 'btf':
                return str(self.value(hello, 'btf_id'))
            if not what.startswith('/'):
                ids = self.value(hello, 'map_ids')
                for one in ids if isinstance(ids, list) else []:
                    if self.value('bpftool -j map show id %d' % one, 'name') == what:
                        return str(one)
                return '999998'
            return str(self.value('bpftool -j %s show pinned %s' % (kind, what), 'id'))
        return re.sub(r'\{(prog|map|link|btf) ([^}]+)\}', number, text)

    def ours(self, kind):
        programs = [x for x in json.loads(self.shell('bpftool -j -f prog list')['o']) if x.get('pinned')]
        if kind == 'prog':
            return {x['id'] for x in programs}
        if kind == 'btf':
            return {1} | {x['btf_id'] for x in programs if 'btf_id' in x}
        listed = json.loads(self.shell('bpftool -j -f %s list' % kind)['o'])
        ids = {x['id'] for x in listed if x.get('pinned')}
        return ids | {i for x in programs for i in x.get('map_ids', [])} if kind == 'map' else ids

    def only_ours(self, kind, form, text):
        try:
            keep = self.ours(kind)
            if form == 't':
                blocks = re.split(r'^(?=\d+: )', text, flags=re.M)
                return ''.join(b for b in blocks if not b or int(b.split(':')[0]) in keep)
            listed = json.loads(text)
            listed = [x for x in listed if x['id'] in keep] if isinstance(listed, list) else listed
            return json.dumps(listed, separators=(',', ':')) + '\n' if form == 'j' else pretty(listed) + '\n'
        except (ValueError, KeyError, TypeError):
            return text

    def run(self, case, form, command, options):
        if 'before' in options:
            self.shell(options['before'])
        command = 'bpftool ' + FLAG[form] + command
        if options.get('as') == 'nobody':
            command = 'setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all ' + command
        if 'meanwhile' in options:
            actual = self.run_beside(command, options['meanwhile'])
        else:
            actual = self.shell(command, options.get('stdin', '').replace('\\n', '\n'))
        if 'list' in options:
            actual['o'] = self.only_ours(options['list'], form, actual['o'])
        if 'after' in options:
            self.shell(options['after'])
        return actual

    def run_beside(self, command, meanwhile):
        command = self.named(command).replace(BPFFS, self.pins)
        process = subprocess.Popen('exec ' + command, shell=True, cwd=self.work + '/objects', env=self.env,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(0.4)
        self.shell(meanwhile.split('; ')[-1])
        time.sleep(0.6)
        process.send_signal(2)
        try:
            out, err = process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        return {'x': process.returncode, 'o': self.own(out), 'e': self.own(err)}

    def set_up(self, command):
        """A step between the cases; what other tools of the capture did is done here."""
        if command.startswith('uptarget link '):
            words = command.split()[2:]
            if self.engine == 'kernel' and words[1] in ('xdp', 'sk_lookup'):
                try:
                    make_link(words[0], words[1], words[2], words[3])
                except OSError as error:
                    print('# set-up: %s: %s' % (command, error))
            elif words[1] == 'xdp':
                self.shell('bpftool link create %s xdp pinned %s dev %s' % (words[3], words[0], words[2]))
            return
        self.shell(command)


def pretty(value, depth=0):
    inner, outer = ' ' * 4 * (depth + 1), ' ' * 4 * depth
    if isinstance(value, dict):
        return '{\n' + ',\n'.join(inner + json.dumps(k) + ': ' + pretty(x, depth + 1) for k, x in value.items()) + '\n' + outer + '}' if value else '{}'
    if isinstance(value, list):
        return '[' + ','.join(pretty(x, depth + 1) for x in value) + '\n' + outer + ']' if value else '[]'
    return json.dumps(value)


def enter_namespaces(engine, arguments):
    """The cases run in a network namespace of their own with a veth pair, the kernel's also with a BPF file system of
    their own. Without privilege it is a user namespace. Where it can be had they also get a process namespace, which
    ends with this process, however that ends: no daemon outlives a run that was killed."""
    if os.environ.get('SKEP_GOLDEN_INSIDE') is None:
        kinds = ['-m', '-n', '--propagation', 'private'] + (['-r'] if os.geteuid() != 0 else [])
        processes = ['-p', '--fork', '--kill-child', '--mount-proc']
        if subprocess.run(['unshare'] + kinds + ['true'], capture_output=True).returncode != 0:
            return False
        alone = subprocess.run(['unshare'] + kinds + processes + ['true'], capture_output=True).returncode == 0
        kinds += processes if alone else []
        os.environ['SKEP_GOLDEN_INSIDE'] = 'alone' if alone else 'beside others'
        os.execvp('unshare', ['unshare'] + kinds + [sys.executable] + arguments)
    # Tracing that somebody left switched off shows nothing.
    mounts = ['mount -t bpf bpf ' + BPFFS, 'echo 1 > /sys/kernel/tracing/tracing_on || true'] if engine == 'kernel' else []
    for command in mounts + ['ip link set lo up', 'ip link add veth0 type veth peer name veth1', 'ip link set veth0 up',
                             'ip link set veth1 up', 'ip addr add 10.9.0.1/24 dev veth0']:
        subprocess.run(command, shell=True, check=True)
    return True


def daemons_left(work):
    """Daemons and workers of this run that are still there, after some patience."""
    ours = ('XDG_RUNTIME_DIR=%s/run' % work).encode()

    def is_left(process):
        try:
            if not os.path.basename(os.readlink('/proc/%s/exe' % process)).startswith('skepd'):
                return False
            alone = os.environ['SKEP_GOLDEN_INSIDE'] == 'alone'
            return alone or ours in open('/proc/%s/environ' % process, 'rb').read().split(b'\0')
        except OSError:
            return False  # it ended meanwhile, or is another's

    for _ in range(100):
        left = [process for process in os.listdir('/proc') if process.isdigit() and is_left(process)]
        if not left:
            return []
        time.sleep(0.1)
    return left


def prepare(replay):
    run = replay.shell
    run('mkdir -p work plaindir plaindir2; echo this is text > notelf.txt; : > empty.o; head -c 1500 hello.bpf.o > trunc.o')
    run('printf "int f(void){return 1;}" | cc -x c -c - -o x86.o 2>/dev/null || cp /bin/true x86.o; mkdir -p work; head -c 10 /dev/zero > work/short')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--engine', choices=['user', 'kernel'], required=True)
    parser.add_argument('--skep', required=True)
    parser.add_argument('--only', default='*')
    parser.add_argument('--show', action='store_true', help='show both sides of each difference that is not explained')
    parser.add_argument('--list-failing', action='store_true')
    options = parser.parse_args()
    if options.engine == 'kernel' and os.geteuid() != 0:
        print('skipped: the kernel engine needs root')
        return 77
    if not enter_namespaces(options.engine, [os.path.abspath(__file__)] + sys.argv[1:]):
        print('skipped: no network namespace can be made here')
        return 77
    captures, differences = read_captures(), read_differences(options.engine)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # per-CPU counts were captured on one CPU
    work = tempfile.mkdtemp(prefix='skep-golden-')
    counts = dict(passed=0, explained=0, absent=0, failed=0)
    try:
        replay = Replay(options.engine, options.skep, work)
        prepare(replay)
        reached = replay.shell('bpftool prog list')
        if 'not in this build' in reached['e']:
            print('skipped: ' + reached['e'].strip())
            return 77
        for case, forms, command, step_options in read_steps():
            if case == '-':
                replay.set_up(command)
                continue
            for form in forms:
                name = '%s.%s' % (case, form)
                try:
                    # The kernel's trace has one reader at a time: another's test may take our lines.
                    for _ in range(3 if 'meanwhile' in step_options else 1):
                        actual = replay.run(case, form, command, step_options)
                        wrong = agree(case, form, captures[name], actual, options.engine)
                        if wrong is None:
                            break
                except (subprocess.TimeoutExpired, ValueError) as error:
                    actual, wrong = {'x': -1, 'o': '', 'e': str(error)}, 'does not end, or prints broken JSON'
                reason = differences.get(name)
                if reason is not None and reason.startswith('n/a'):
                    counts['absent'] += 1
                elif wrong is None and reason is None:
                    counts['passed'] += 1
                elif wrong is not None and reason is not None:
                    counts['explained'] += 1
                elif fnmatch.fnmatch(name, options.only):
                    counts['failed'] += 1
                    if options.list_failing:
                        print('%s\t%s\t%s' % (name, options.engine, wrong or 'passes now'))
                    else:
                        print('FAILED %s: %s' % (name, wrong or 'passes, and differences.tsv still explains it'))
                    if options.show:
                        for side, shown in (('golden', captures[name]), ('skep', actual)):
                            print('--- %s (%d)\n%s%s' % (side, shown['x'], mask(shown['o'], options.engine, case)[:1500], shown['e'][:600]))
    finally:
        shell = 'bpftool daemon stop force >/dev/null 2>&1'
        if options.engine == 'user':
            replay.shell(shell)
        left = daemons_left(work)
        for process in left:
            print('FAILED: process %s is left: %s' % (process, open('/proc/%s/cmdline' % process).read().replace('\0', ' ')))
            os.kill(int(process), 9)
        shutil.rmtree(work, ignore_errors=True)
    applicable = counts['passed'] + counts['explained'] + counts['failed']
    print('golden %s: %d of %d applicable cases as bpftool, %d differ for a stated reason, %d unexplained, %d not applicable'
          % (options.engine, counts['passed'], applicable, counts['explained'], counts['failed'], counts['absent']))
    return 1 if counts['failed'] or left else 0


if __name__ == '__main__':
    sys.exit(main())
