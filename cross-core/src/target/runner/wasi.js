const { accessSync, existsSync, readFileSync, readdirSync, statSync } = require("node:fs");
const { WASI } = require("node:wasi");
const { Worker, isMainThread, parentPort, workerData } = require("node:worker_threads");

const isReadable = (directory) => {
    try {
        accessSync(directory, 4);
        return true;
    } catch {
        return false;
    }
};
const system = (args) => {
    const preopens = { ".": process.cwd() };
    for (const name of readdirSync("/")) {
        const seen = statSync(`/${name}`, { throwIfNoEntry: false });
        if (seen?.isDirectory() && isReadable(`/${name}`) && !existsSync(name)) {
            preopens[`/${name}`] = `/${name}`;
        }
    }
    return new WASI({ version: "preview1", args, env: process.env, preopens, returnOnExit: true });
};
const described = (error) => ({
    failure: String(error.stack || error),
    code: error instanceof WebAssembly.RuntimeError ? 134 : 126,
});
const end = ({ failure, code }) => {
    if (failure) console.error(failure);
    process.exit(code);
};

// A thread: the first one has no start.
const thread = ({ args, module, memory, ids, start }) => {
    const tell = (message) => parentPort.postMessage(message);
    const wasi = system(args);
    let ended = false;
    const exit = (code) => {
        tell({ code });
        ended = true;
        throw new Error("the process ends");
    };
    const spawn = (argument) => {
        const id = Atomics.add(ids, 0, 1);
        tell({ start: { id, argument } });
        return id;
    };
    try {
        const { exports } = new WebAssembly.Instance(module, {
            env: { memory },
            wasi: { "thread-spawn": spawn },
            wasi_snapshot_preview1: { ...wasi.wasiImport, proc_exit: exit },
        });
        if (wasi.finalizeBindings) wasi.finalizeBindings({ exports }, { memory });
        else wasi.initialize({ exports: { memory } });
        if (start) {
            exports.wasi_thread_start(start.id, start.argument);
        } else {
            exports._start();
            exit(0);
        }
    } catch (error) {
        if (!ended) tell(described(error));
    }
};

// The limits of the imported memory, which JavaScript cannot ask the module for.
const limits = (binary) => {
    let at = 8;
    const number = () => {
        let value = 0;
        for (let shift = 0; ; shift += 7) {
            const byte = binary[at++];
            value += (byte & 127) * 2 ** shift;
            if (byte < 128) return value;
        }
    };
    const skip = () => { const length = number(); at += length; };
    while (at < binary.length) {
        const section = binary[at++];
        const next = number() + at;
        if (section === 2) {
            for (let count = number(); count > 0; count--) {
                skip();
                skip();
                const kind = binary[at++];
                if (kind === 2) {
                    at++;
                    return { initial: number(), maximum: number(), shared: true };
                }
                if (kind === 0) number();
                else if (kind === 3) at += 2;
                else break;
            }
        }
        at = next;
    }
    throw new Error("the program imports no memory");
};

const args = process.argv.slice(1);
if (!isMainThread) {
    thread(workerData);
} else try {
    const binary = readFileSync(args[0]);
    const module = new WebAssembly.Module(binary);
    if (WebAssembly.Module.imports(module).some(({ kind }) => kind === "memory")) {
        const memory = new WebAssembly.Memory(limits(binary));
        const ids = new Int32Array(new SharedArrayBuffer(4)).fill(1);
        const source = process.execArgv[process.execArgv.indexOf("-e") + 1];
        const begin = (start) => {
            const data = { args, module, memory, ids, start };
            const worker = new Worker(source, { eval: true, workerData: data });
            worker.on("error", (error) => end(described(error)));
            worker.on("message", (told) => (told.start ? begin(told.start) : end(told)));
        };
        begin();
    } else {
        const wasi = system(args);
        const imports = { wasi_snapshot_preview1: wasi.wasiImport };
        process.exitCode = wasi.start(new WebAssembly.Instance(module, imports));
    }
} catch (error) {
    end(described(error));
}
