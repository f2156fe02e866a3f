COMMAND = '''

  # a comment, and leading blank lines
  cat > config << 'EOF'
[section]
key = "$not_expanded" `nor this` \\n
EOF
  name=value
  cat <<EOF >> config
expanded $name
EOF
  cat config
'''
assert machine.succeed(COMMAND) == (
    '[section]\nkey = "$not_expanded" `nor this` \\n\nexpanded value\n'
)
# The delimiter glued on, and no newline behind it.
assert machine.succeed("cat << 'END'\none\ntwo\nEND") == "one\ntwo\n"
assert machine.succeed("cat <<< word") == "word\n"
assert machine.succeed("cat <<-E\n\tindented\n\tE\n") == "indented\n"
