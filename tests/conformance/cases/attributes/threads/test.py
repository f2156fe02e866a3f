from concurrent.futures import ThreadPoolExecutor


def talk(number):
    return [machine.succeed(f"echo {number} {round}") for round in range(10)]


with ThreadPoolExecutor(8) as pool:
    for number, said in enumerate(pool.map(talk, range(8))):
        assert said == [f"{number} {round}\n" for round in range(10)], said
