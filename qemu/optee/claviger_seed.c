// SPDX-License-Identifier: BSD-2-Clause
/*
 * A seed for OP-TEE's random numbers. By default this platform seeds them
 * with the time since boot, and two new devices can make the same keys. The
 * runner writes a fresh seed before every boot: 8 bytes of magic, the seed.
 */
#include <crypto/crypto.h>
#include <io.h>
#include <kernel/panic.h>
#include <string_ext.h>
#include <tee/tee_cryp_utl.h>

#include "claviger_flash.h"

#define MAGIC_LOW	0x52564c43	/* "CLVR" */
#define MAGIC_HIGH	0x44454553	/* "SEED" */
#define WORDS		16

void plat_rng_init(void)
{
	vaddr_t sector = claviger_flash_sector(CLAVIGER_SECTOR_SEED);
	vaddr_t seed = sector + 2 * sizeof(uint32_t);
	uint32_t words[WORDS] = { };
	size_t n = 0;

	if (!sector || io_read32(sector) != MAGIC_LOW ||
	    io_read32(sector + sizeof(uint32_t)) != MAGIC_HIGH)
		panic("no seed in flash for the random numbers");

	for (n = 0; n < WORDS; n++)
		words[n] = io_read32(seed + n * sizeof(uint32_t));

	if (crypto_rng_init(words, sizeof(words)))
		panic("the random numbers cannot be seeded");
	memzero_explicit(words, sizeof(words));
}
