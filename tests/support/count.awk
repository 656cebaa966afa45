# Counts tests in the LastTest.log files of ctest.  A test that prints TAP (cmocka and busted
# specs do, shell tests may) counts by its lines, any other as one, and
# each line "SKIP: why" or "SKIP 40 cases: why" of one that passed as a part that was skipped.  Prints every skip with its
# reason, every failure, and the sum; exit code 1 when something failed or nothing ran.

function one_line(text) {
    gsub(/[ \t]+/, " ", text)
    return text
}

function finish(status,    i) {
    if (status == "skipped") {
        skips++
        print "skipped: " name ": " (reason != "" ? one_line(reason) : "it did not say why")
    } else if (planned == 0) {
        if (status == "passed") {
            passes++
            skips += left_out
            for (i = 1; i <= left_out; i++) print "skipped: " name ", in part: " one_line(left_text[i])
        } else {
            failures++
            print "FAILED:  " name
        }
    } else {
        passes += oks
        failures += bad
        skips += skipped
        for (i = 1; i <= skipped; i++) print "skipped: " name ": " one_line(skip_text[i])
        if (status == "passed") {
            skips += left_out
            for (i = 1; i <= left_out; i++) print "skipped: " name ", in part: " one_line(left_text[i])
        }
        for (i = 1; i <= bad; i++) print "FAILED:  " name ": " one_line(bad_text[i])
        if (status != "passed" && bad == 0) {
            failures++
            print "FAILED:  " name ": ended badly after " oks " good tests"
        } else if (status == "passed" && (oks + bad + skipped != planned || bad > 0)) {
            failures++
            print "FAILED:  " name ": says " planned " tests but shows " (oks + bad + skipped)
        }
    }
    name = ""
}

/^[0-9]+\/[0-9]+ Testing: / {
    if (name != "") finish("failed")
    name = $3
    planned = oks = bad = skipped = left_out = told = 0
    reason = said = ""
    next
}
name == "" { next }
/^1\.\.[0-9]+/ {
    planned += substr($1, 4)
    next
}
/^(not )?ok [0-9]+/ {
    text = $0
    sub(/^(not )?ok [0-9]+( - )?/, "", text)
    if (text ~ /# *SKIP/) {
        skip_text[++skipped] = text (said != "" ? " (" said ")" : "")
        sub(/# *SKIP */, "", skip_text[skipped])
        if (told) left_out-- # it was the reason of this one
    } else if ($1 == "ok") oks++
    else bad_text[++bad] = text
    said = ""
    told = 0
    next
}
/SKIP/ {
    said = $0
    sub(/^.*SKIP(PED)?:? */, "", said)
    told = $0 ~ /^SKIP( [0-9][^:]*)?: /
    if (told) left_text[++left_out] = said
    if (said != "") reason = (reason == "" ? "" : reason "; ") said
}
/^Test Passed\.$/ { finish("passed"); next }
/^Test Skipped\.$/ { finish("skipped"); next }
/^Test (Failed|Timeout|Not Run)/ || /^\*\*\*(Failed|Timeout|Exception)/ { finish("failed") }
END {
    if (name != "") finish("failed")
    printf "%d passed, %d failed, %d skipped\n", passes, failures, skips
    exit failures > 0 || passes == 0
}
