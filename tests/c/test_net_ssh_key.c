/* Key pairs and fingerprints. */
#include "net_util.h"

#include "net/ssh.h"

/* The key of the bytes 0 to 31, and what `ssh-keygen -l` says of it. */
#define LINE                                                                                       \
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f comment"
#define FINGERPRINT "SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA"

static void makes_pairs(void **state)
{
    static const char *const types[][2] = {
        {"ed25519", "ssh-ed25519 AAAA"},
        {"ecdsa", "ecdsa-sha2-nistp256 AAAA"},
        {"rsa", "ssh-rsa AAAA"},
    };
    size_t count = getenv("PROV_VALGRIND") != NULL ? 2 : 3; /* minutes of searching primes */
    (void)state;
    for (size_t i = 0; i < count; i++) {
        pv_ssh_keypair pair, other;
        pv_buf again;
        pv_err err = {0};
        pv_buf_init(&again, 100);
        if (pv_ssh_keygen(&pair, types[i][0], "me@here", &err) != PV_OK) fail_msg("%s", err.msg);
        assert_non_null(strstr(pair.private_key.data, "PRIVATE KEY-----"));
        assert_ptr_equal(strstr(pair.public_key.data, types[i][1]), pair.public_key.data);
        assert_string_equal(pair.public_key.data + pair.public_key.len - 8, " me@here");
        assert_int_equal(pv_ssh_fingerprint(&again, pair.public_key.data, NULL), PV_OK);
        assert_string_equal(again.data, pair.fingerprint.data);
        if (i == 0) {
            assert_int_equal(pv_ssh_keygen(&other, types[i][0], NULL, NULL), PV_OK);
            assert_string_not_equal(other.public_key.data, pair.public_key.data);
            assert_null(strchr(strchr(other.public_key.data, ' ') + 1, ' ')); /* no comment */
            pv_ssh_keypair_deinit(&other);
        }
        pv_buf_deinit(&again);
        pv_ssh_keypair_deinit(&pair);
        assert_null(pair.private_key.data);
        pv_ssh_keypair_deinit(&pair);
    }
}

static void refuses_what_it_does_not_know(void **state)
{
    pv_ssh_keypair pair;
    pv_err err;
    (void)state;
    assert_int_equal(pv_ssh_keygen(&pair, "dsa", NULL, &err), PV_EINVAL);
    assert_says(&err, PV_EINVAL, "unknown key type 'dsa'");
    pv_ssh_keypair_deinit(&pair);
    assert_int_equal(pv_ssh_keygen(&pair, "ed25519", "two\nlines", &err), PV_EINVAL);
    assert_says(&err, PV_EINVAL, "line break");
    pv_ssh_keypair_deinit(&pair);
}

static void takes_fingerprints(void **state)
{
    static const char *const wrong[] = {"", "ssh-ed25519", "ssh-ed25519 nonsense",
                                        "no-such-type AAAAC3NzaC1lZDI1NTE5AAAAIA"};
    pv_buf out;
    pv_err err;
    (void)state;
    pv_buf_init(&out, 100);
    assert_int_equal(pv_ssh_fingerprint(&out, LINE, &err), PV_OK);
    assert_string_equal(out.data, FINGERPRINT);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(pv_ssh_fingerprint(&out, wrong[i], &err), PV_EINVAL);
        assert_says(&err, PV_EINVAL, "not a public key");
    }
    assert_string_equal(out.data, FINGERPRINT);
    pv_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_pairs),
        cmocka_unit_test(refuses_what_it_does_not_know),
        cmocka_unit_test(takes_fingerprints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
