import threading

results = {}


def work(number):
    results[number] = [machine.succeed(f"echo {number}.{n}; sleep 0.0{number}") for n in range(5)]


workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
assert results == {number: [f"{number}.{n}\n" for n in range(5)] for number in range(4)}
