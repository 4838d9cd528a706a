# Waits until the test process is gone (its end of our stdin is closed), then ends everything below the folder $1
# and removes it. The word "keep" sends it home instead.
folder=$1
trap '' INT TERM HUP PIPE
while read -r word; do
    [ "$word" != keep ] || exit 0
done

# Programs of the testkit carry the folder in their environment. Two rounds: a daemon may have been forking.
for round in 1 2; do
    for environ in /proc/[0-9]*/environ; do
        if tr '\0' '\n' <"$environ" | grep -qxF "LONDISTE_TEST_FOLDER=$folder"; then
            pid=${environ#/proc/}
            kill -KILL "${pid%/environ}"
        fi
    done
done

# Servers: the first line of postmaster.pid, if that process really runs on our data. SIGQUIT is an immediate stop.
for pidfile in "$folder"/*/data/postmaster.pid; do
    [ -f "$pidfile" ] || continue
    read -r pid <"$pidfile"
    tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$folder" || continue
    kill -QUIT "$pid"
    rounds=0
    while [ -d "/proc/$pid" ] && ! grep -q '^State:.Z' "/proc/$pid/status" && [ $rounds -lt 100 ]; do
        sleep 0.1
        rounds=$((rounds + 1))
    done
    [ $rounds -lt 100 ] || kill -KILL "$pid"
done

rm -rf "$folder"
