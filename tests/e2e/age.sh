#!/bin/bash
# prov age, both ways with age and age-keygen: keys of age and of SSH, passphrases, armor, plugins, sizes, damage.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
cd "$work" || exit 1
command -v age >/dev/null || { echo "SKIP: no age"; exit 77; }

# same FILE: what comes in on the standard input is the file.
same() { cmp -s - "$1" || fail "$2: not what was encrypted"; }

# Keys: each program reads the other's.
run 0 age keygen --out key.txt
has "Public key: age1"
[ "$(stat -c %a key.txt)" = 600 ] || fail "an identity that others may read"
to=$(age-keygen -y key.txt)
has "$to"
run 1 age keygen --out key.txt
has "key.txt"
age-keygen -o other.txt 2>/dev/null
run 0 age keygen --public other.txt
has "$(age-keygen -y other.txt)"
ssh-keygen -q -t ed25519 -N '' -f ed
ssh-keygen -q -t rsa -b 2048 -N '' -f rsa
ssh-keygen -q -t rsa -b 2048 -m PEM -N '' -f pem
ssh-keygen -q -t ecdsa -N '' -f ec

for size in 0 1 65535 65536 65537 3000000; do
    head -c "$size" /dev/urandom >"plain.$size"
    "$prov" age encrypt "plain.$size" -r "$to" | age -d -i key.txt | same "plain.$size" "age reads $size"
    "$prov" age encrypt -r "$to" -a <"plain.$size" | age -d -i key.txt | same "plain.$size" "age reads armor of $size"
    age -r "$to" "plain.$size" | "$prov" age decrypt -i key.txt | same "plain.$size" "prov reads $size"
    age -a -r "$to" "plain.$size" | "$prov" age decrypt -i key.txt | same "plain.$size" "prov reads armor of $size"
done
for key in ed rsa pem; do
    "$prov" age encrypt plain.65537 -R "$key.pub" | age -d -i "$key" | same plain.65537 "age reads for $key"
    age -R "$key.pub" plain.65537 | "$prov" age decrypt -i "$key" | same plain.65537 "prov reads for $key"
done
run 1 age encrypt plain.1 -R ec.pub
has "ecdsa-sha2-nistp256"

# Many recipients, each of whom reads it alone; one of them is left out later.
"$prov" age encrypt plain.65537 -r "$to" --to-identity other.txt -R ed.pub --out many.age || fail "no file for many"
for identity in key.txt other.txt ed; do
    age -d -i "$identity" many.age | same plain.65537 "$identity of many"
done
run 0 age inspect many.age -o json
jq -e '[.stanzas[].type] == ["X25519", "ssh-ed25519", "X25519"] and .armor == false' out >/dev/null || fail "inspect: $(cat out)"
chmod 640 many.age
run 0 age rekey many.age -i ed -r "$to"
age -d -i key.txt many.age | same plain.65537 "rekeyed"
run 4 age decrypt many.age -i ed
has "not for this identity"
[ "$(stat -c %a many.age)" = 640 ] || fail "rekey changes the mode"
# A link stays one, and so does what is no file.
ln -s many.age link.age
run 0 age rekey link.age -i key.txt -r "$to"
[ -L link.age ] || fail "rekey makes a file of a link"
: >plain.out && ln -s plain.out link.out
run 0 age decrypt many.age -i key.txt --out link.out
[ -L link.out ] || fail "decrypt makes a file of a link"
same plain.65537 "through a link" <plain.out
mkfifo pipe
timeout 20 cat pipe >piped &
reader=$!
run 0 age decrypt many.age -i key.txt --out pipe
wait "$reader"
[ -p pipe ] || fail "decrypt makes a file of a pipe"
same plain.65537 "through a pipe" <piped

# Passphrases; of age's through a terminal, which it insists on.
PROV_AGE_PASSPHRASE='correct horse' "$prov" age encrypt plain.1 --with-passphrase --out phrase.age || fail "no passphrase"
PROV_AGE_PASSPHRASE='correct horse' "$prov" age decrypt phrase.age -p | same plain.1 "passphrase"
PROV_AGE_PASSPHRASE=wrong run 4 age decrypt phrase.age -p
has "the passphrase is wrong"
run 2 age encrypt plain.1 --with-passphrase -r "$to"
cat >type.py <<'PY'
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
seen = b""
left = int(sys.argv[1])
answers = os.environ.get("ANSWERS", "correct horse").split(",")
while True:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    seen += data
    if left and (b"assphrase" in data or b"again" in data or b"onfirm" in data):
        time.sleep(0.2)
        os.write(fd, answers[0].encode() + b"\r")
        answers = answers[1:] or answers
        left -= 1
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
python3 type.py 1 age -d -o out.age phrase.age >typed || fail "age: $(cat typed)"
cmp -s out.age plain.1 || fail "age reads another text behind a passphrase"
python3 type.py 2 age -p -o phrase2.age plain.1 >typed || fail "age: $(cat typed)"
python3 type.py 1 "$prov" age decrypt phrase2.age -p --out out.prov >typed || fail "prov: $(cat typed)"
cmp -s out.prov plain.1 || fail "prov reads another text behind a passphrase"
grep -q "correct" typed && fail "a passphrase is shown: $(cat typed)"
python3 type.py 2 "$prov" age encrypt plain.1 --with-passphrase --out phrase3.age >typed || fail "prov: $(cat typed)"
PROV_AGE_PASSPHRASE='correct horse' "$prov" age decrypt phrase3.age -p | same plain.1 "a typed passphrase"
setsid "$prov" age decrypt phrase.age -p >out 2>&1 </dev/null && fail "no terminal, and no error"
has "no terminal"

# Identities that are behind a passphrase themselves.
PROV_AGE_PASSPHRASE='correct horse' "$prov" age encrypt key.txt --with-passphrase -a --out key.age || fail "no key.age"
PROV_AGE_PASSPHRASE='correct horse' "$prov" age decrypt many.age -i key.age | same plain.65537 "an encrypted identity"
PROV_AGE_KEY_FILE=key.txt "$prov" age decrypt many.age | same plain.65537 "PROV_AGE_KEY_FILE"

# Keys of SSH with a passphrase, in all the ciphers of ssh-keygen; age knows the first two.
for cipher in aes256-ctr aes256-cbc aes256-gcm@openssh.com chacha20-poly1305@openssh.com 3des-cbc; do
    ssh-keygen -q -t ed25519 -a 3 -Z "$cipher" -N 'correct horse' -f "locked.$cipher"
    age -R "locked.$cipher.pub" plain.65537 >locked.age
    PROV_AGE_PASSPHRASE='correct horse' "$prov" age decrypt locked.age -i "locked.$cipher" | same plain.65537 "$cipher"
    PROV_AGE_PASSPHRASE='correct horsf' run 1 age decrypt locked.age -i "locked.$cipher"
    has "the passphrase does not open locked.$cipher"
done
ssh-keygen -q -t rsa -b 2048 -N 'correct horse' -f locked.rsa
ssh-keygen -q -t rsa -b 2048 -m PEM -N 'correct horse' -f locked.pem
for key in aes256-ctr aes256-cbc rsa pem; do
    "$prov" age encrypt plain.65537 --to-identity "locked.$key" --out "locked.$key.age" || fail "no file for $key"
    rm -f out.age out.prov
    python3 type.py 1 age -d -i "locked.$key" -o out.age "locked.$key.age" >typed || fail "age: $(cat typed)"
    cmp -s out.age plain.65537 || fail "age reads another text with $key"
    python3 type.py 1 "$prov" age decrypt -i "locked.$key" --out out.prov "locked.$key.age" >typed || fail "prov: $(cat typed)"
    cmp -s out.prov plain.65537 || fail "prov reads another text with $key"
    grep -q "correct" typed && fail "a passphrase is shown: $(cat typed)"
    grep -q "Passphrase of locked.$key: " typed || fail "it is not said which passphrase is asked for: $(cat typed)"
done
rm locked.pem.pub # its form shows no public half, so any stanza of SSH may be meant
PROV_AGE_PASSPHRASE='correct horse' "$prov" age decrypt -i locked.pem locked.pem.age | same plain.65537 "a PEM alone"
# Asked again after a mistake, three times in all.
ANSWERS='wrong,correct horse' python3 type.py 2 "$prov" age decrypt -i locked.rsa --out out.prov locked.rsa.age >typed || fail "a second try: $(cat typed)"
grep -q "That is not it" typed || fail "a mistake is not told: $(cat typed)"
ANSWERS=wrong python3 type.py 9 "$prov" age decrypt -i locked.rsa --out never locked.rsa.age >typed && fail "a wrong passphrase opens it"
[ "$(grep -o "Passphrase of" typed | wc -l)" = 3 ] || fail "not asked three times: $(cat typed)"
# Not asked when it is not needed, and an error where nobody can be asked.
age -r "$to" -R locked.rsa.pub plain.65537 >both.age
setsid "$prov" age decrypt both.age -i locked.rsa -i key.txt </dev/null 2>out | same plain.65537 "the key without a passphrase"
setsid "$prov" age decrypt both.age -i locked.aes256-ctr </dev/null >out 2>&1 && fail "it opens what is for others"
has "not for locked.aes256-ctr"
setsid "$prov" age decrypt both.age -i locked.rsa </dev/null >out 2>&1 && fail "no terminal, and no error"
has "no terminal"
has "PROV_AGE_PASSPHRASE"
setsid "$prov" age keygen --public locked.rsa </dev/null >out || fail "no public half: $(cat out)"
has "$(cut -d' ' -f1,2 locked.rsa.pub)"
ssh-keygen -q -t ecdsa -N 'correct horse' -f locked.ec
run 1 age decrypt both.age -i locked.ec
has "ecdsa-sha2-nistp256"
# SOPS: once for a file, whatever it holds.
printf 'a=1\nb=2\n' >locked.env
"$prov" secret encrypt locked.env --recipient "$(cut -d' ' -f1,2 locked.rsa.pub)" --in-place || fail "no SOPS file for a key of SSH"
SOPS_AGE_SSH_PRIVATE_KEY_FILE=locked.rsa python3 type.py 1 "$prov" secret decrypt locked.env >typed || fail "SOPS: $(cat typed)"
grep -q "b=2" typed || fail "SOPS: $(cat typed)"
[ "$(grep -o "Passphrase of" typed | wc -l)" = 1 ] || fail "SOPS asks again: $(cat typed)"
SOPS_AGE_SSH_PRIVATE_KEY_FILE=locked.rsa setsid "$prov" secret decrypt locked.env </dev/null >out 2>&1 && fail "no terminal, and no error"
has "no terminal"

# Plugins, judged by age.
export PATH=$here/../support/age:$PATH
echo AGE-PLUGIN-TEST-1WDHK6ETZDAJ8J0S0G0X >plugin.txt
hidden=age1test1wdhk6etzdaj8j58wj93
age -r $hidden plain.65537 2>/dev/null | "$prov" age decrypt -i plugin.txt | same plain.65537 "a plugin of age's"
"$prov" age encrypt plain.65537 -r $hidden 2>err | age -d -i plugin.txt | same plain.65537 "a plugin of prov's"
grep -q "age-plugin-test says: touch it" err || fail "the plugin was not heard: $(cat err)"
"$prov" age encrypt plain.1 --to-identity plugin.txt 2>/dev/null | "$prov" age decrypt -i plugin.txt | same plain.1 "a plugin's identity"
for mode in dies error nonsense; do
    AGE_PLUGIN_TEST=$mode run 1 age encrypt plain.1 -r $hidden --out never
    has "age-plugin-test"
    [ ! -e never ] || fail "a file in spite of a plugin that $mode"
done
age -r $hidden plain.1 >stranger.age 2>/dev/null
AGE_PLUGIN_TEST=stranger run 4 age decrypt stranger.age -i plugin.txt
has "not for this identity"
run 4 age encrypt plain.1 -r age1nobody1wdhk6etzdaj8jxqqqqq --out never
has "age-plugin-nobody"

# What is wrong is said, and leaves nothing behind.
run 2 age encrypt plain.1
has "nobody to encrypt to"
run 2 age decrypt many.age
has "no identity"
run 1 age decrypt plain.1 -i key.txt
has "not an age file"
run 4 age encrypt missing -r "$to"
has "missing"
case $to in *x) wrong=${to%?}q ;; *) wrong=${to%?}x ;; esac
run 1 age encrypt plain.1 -r "$wrong"
has "check is wrong"
run 1 age encrypt plain.1 -r "$(tail -1 key.txt)"
has "secret identity"
grep -q AGE-SECRET out && fail "an identity is shown in an error"
for cut in 100 200 3000 65700; do
    head -c $cut many.age >cut.age
    run 1 age decrypt cut.age -i key.txt --out never
    [ ! -e never ] || fail "a file of $cut bytes gives something"
done
cp many.age changed.age
printf 'X' | dd of=changed.age bs=1 seek=60000 conv=notrunc status=none
run 1 age decrypt changed.age -i key.txt --out never
has "was changed"
ls ./*.tmp >/dev/null 2>&1 && fail "temporary files: $(ls ./*.tmp)"
# White space before armor has an end.
head -c 100000000 /dev/zero | tr '\0' '\n' | timeout 5 "$prov" age decrypt -i key.txt >out 2>&1
[ $? = 1 ] || fail "blank lines: $(cat out)"
(printf '\n  \n' && "$prov" age encrypt plain.65537 -r "$to" -a) | "$prov" age decrypt -i key.txt | same plain.65537 "blank lines"
# A key is written whole or not at all.
(ulimit -f 0; trap '' XFSZ; exec "$prov" age keygen --out half.txt) >/dev/null 2>&1 && fail "half a key is no error"
[ ! -e half.txt ] || fail "half a key is left"
"$prov" age encrypt plain.3000000 -r "$to" >/dev/full 2>err && fail "a full disk is no error"
grep -q "No space left\|no space left" err || fail "a full disk: $(cat err)"
e2e_end
