try:
    driver.runs += 1
except AttributeError:
    driver.runs = 1
print("ran:", driver.runs)
