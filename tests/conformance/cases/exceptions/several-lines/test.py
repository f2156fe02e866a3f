machine.succeed("""
  echo first
  false
  echo never
""")
