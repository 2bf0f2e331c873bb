// SPDX-License-Identifier: BSD-2-Clause
/*
 * A hardware unique key for each emulated device, where OP-TEE's default is
 * the same zeros for all. The runner writes it when it makes the device:
 * 8 bytes of magic, the key, the key's complement.
 */
#include <io.h>
#include <kernel/tee_common_otp.h>
#include <string.h>
#include <string_ext.h>
#include <trace.h>

#include "claviger_flash.h"

#define MAGIC_LOW	0x52564c43	/* "CLVR" */
#define MAGIC_HIGH	0x314b5548	/* "HUK1" */
#define WORDS		(HW_UNIQUE_KEY_LENGTH / sizeof(uint32_t))

TEE_Result tee_otp_get_hw_unique_key(struct tee_hw_unique_key *hwkey)
{
	vaddr_t sector = claviger_flash_sector(CLAVIGER_SECTOR_HUK);
	vaddr_t key = sector + 2 * sizeof(uint32_t);
	vaddr_t complement = key + HW_UNIQUE_KEY_LENGTH;
	uint32_t words[WORDS] = { };
	size_t n = 0;

	if (!sector || io_read32(sector) != MAGIC_LOW ||
	    io_read32(sector + sizeof(uint32_t)) != MAGIC_HIGH)
		goto absent;

	for (n = 0; n < WORDS; n++) {
		words[n] = io_read32(key + n * sizeof(uint32_t));
		if (io_read32(complement + n * sizeof(uint32_t)) != ~words[n])
			goto absent;
	}

	memcpy(hwkey->data, words, sizeof(words));
	memzero_explicit(words, sizeof(words));
	return TEE_SUCCESS;

absent:
	EMSG("No hardware unique key in flash: this device was never made whole");
	memzero_explicit(words, sizeof(words));
	return TEE_ERROR_NO_DATA;
}
